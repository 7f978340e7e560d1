"""The documents of Horizon: their models, their XML form and its schemas (design, section 5)."""
