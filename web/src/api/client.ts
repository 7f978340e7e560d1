/** The REST API over fetch: JSON in and out, problems as exceptions, the cursor of each answer. */

import { problemOf, unreachable } from "./problem.ts";

const TIMEOUT_MS = 40_000;
/** What the controller itself waits for switches and hosts is less. */

export interface Answer<T> {
  body: T;
  /** The last event that the answer includes; null if the controller does not tell. */
  cursor: string | null;
}

export class Client {
  constructor(
    private readonly token: () => string | null,
    private readonly refused: () => void,
    private readonly call: typeof fetch = (...given) => fetch(...given),
  ) {}

  async get<T>(path: string): Promise<Answer<T>> {
    return this.ask<T>("GET", path);
  }

  /** Return the body of an answer to a change; null where it has none. */
  async send<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await this.ask<T>(method, path, body)).body;
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const headers: Record<string, string> = { Accept: "application/json" };
    const token = this.token();
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response: Response;
    let text: string;
    try {
      response = await this.call(path, {
        method,
        headers,
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await response.text();
    } catch (error) {
      throw unreachable(error);
    }
    const parsed = parse(text);
    if (response.status === 401) this.refused();
    if (!response.ok) throw problemOf(response.status, parsed);
    return { body: parsed as T, cursor: response.headers.get("Horizon-Cursor") };
  }
}

function parse(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
