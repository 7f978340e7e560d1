/** What the page itself remembers of rates: the last 15 minutes of whatever was looked at. */

export interface Sample {
  /** Seconds, of a clock that never goes back. */
  at: number;
  rx: number | null;
  tx: number | null;
}

export const HISTORY_SECONDS = 900;
const MOST_OBJECTS = 64;

export class Histories {
  private readonly kept = new Map<string, Sample[]>();

  /** Note a sample of an object; what is older than 15 minutes goes, and who was not seen longest. */
  note(id: string, sample: Sample): void {
    const before = this.kept.get(id) ?? [];
    const young = before.filter((one) => one.at > sample.at - HISTORY_SECONDS);
    this.kept.delete(id);
    this.kept.set(id, [...young, sample]);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > MOST_OBJECTS && oldest !== undefined) this.kept.delete(oldest);
  }

  of(id: string): readonly Sample[] {
    return this.kept.get(id) ?? [];
  }
}

/** Return the rates per second between readings of counters; null where a counter began anew. */
export function rateOf(
  before: { at: number; count: number } | null,
  now: { at: number; count: number },
): number | null {
  if (before === null || now.at <= before.at || now.count < before.count) return null;
  return (now.count - before.count) / (now.at - before.at);
}
