/** A refusal of the API (RFC 9457), and which of its reasons belongs to which field. */

export interface FieldFault {
  loc: string[];
  msg: string;
}

export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldFault[];
  readonly at: string | null;

  constructor(
    status: number,
    title: string,
    detail: string,
    errors: FieldFault[],
    at: string | null,
  ) {
    super(detail);
    this.status = status;
    this.title = title;
    this.errors = errors;
    this.at = at;
  }
}

/** Return the problem in the body of an answer, whatever that is. */
export function problemOf(status: number, body: unknown): Problem {
  const told = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const title = text(told.title) ?? `The controller answers ${status}`;
  const at = text(told.switch) ?? text(told.host) ?? null;
  const errors = Array.isArray(told.errors) ? told.errors.flatMap(fault) : [];
  return new Problem(status, title, text(told.detail) ?? title, errors, at);
}

/** Return the problem that stands for an answer that never came. */
export function unreachable(error: unknown): Problem {
  const why = error instanceof Error ? error.message : String(error);
  return new Problem(0, "The controller does not answer", `No answer came: ${why}.`, [], null);
}

/** Return the reasons that concern a field; `names` are what the API calls it, anywhere in a path. */
export function faultsOf(problem: Problem | null, ...names: string[]): string[] {
  if (problem === null) return [];
  return problem.errors
    .filter((one) => one.loc.some((part) => names.includes(part)))
    .map((one) => withPath(one, names));
}

/** Return what no field of `names` is told: the problem's own words, or the other reasons. */
export function remainder(problem: Problem | null, ...names: string[]): string[] {
  if (problem === null) return [];
  if (problem.errors.length === 0) return [problem.message];
  return problem.errors
    .filter((one) => !one.loc.some((part) => names.includes(part)))
    .map((one) => (one.loc.length ? `${one.loc.join(".")}: ${one.msg}` : one.msg));
}

function withPath(one: FieldFault, names: string[]): string {
  const last = one.loc.at(-1);
  return last === undefined || names.includes(last) ? one.msg : `${last}: ${one.msg}`;
}

function fault(value: unknown): FieldFault[] {
  const one = value as { loc?: unknown; msg?: unknown };
  if (!Array.isArray(one?.loc)) return [];
  return [{ loc: one.loc.map(String), msg: String(one.msg ?? "is not accepted") }];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
