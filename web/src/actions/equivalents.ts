/** What an action of the page would be on a command line: with curl, and with horizonctl. Pure. */

export interface Request {
  method: string;
  path: string;
  body?: unknown;
}

/** Return the curl command of a request; the token stays a variable, for it is a secret. */
export function curl(request: Request, origin: string, hasToken: boolean): string {
  const words = ["curl", "-X", request.method, quoted(origin + request.path)];
  if (hasToken) words.push("-H", '"Authorization: Bearer $HORIZON_TOKEN"');
  if (request.body !== undefined) {
    words.push(
      "-H",
      quoted("Content-Type: application/json"),
      "-d",
      quoted(JSON.stringify(request.body)),
    );
  }
  return words.join(" ");
}

/** Return a word as a POSIX shell reads it back. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function command(...words: (string | null | undefined)[]): string {
  return [
    "horizonctl",
    ...words.filter((word) => word != null && word !== "").map((w) => quoted(w as string)),
  ].join(" ");
}
