"""What carries flow plans out: sends, waits, journals, repairs; core/flows decides."""
