/** The stream of events: one WebSocket that comes back by itself, from where it was. */

import type { ApiEvent } from "./types.ts";

const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 3_000;
const SPOKEN = "horizon.events.v1";

export interface Listener {
  event(event: ApiEvent): void;
  /** The connection is there, after it was not. */
  opened(): void;
  /** The connection is gone; another one is tried for. */
  lost(): void;
}

export interface Socket {
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  close(): void;
}

export type Connect = (url: string, protocols: string[]) => Socket;
export type Later = (work: () => void, milliseconds: number) => void;

export class EventStream {
  private socket: Socket | null = null;
  private wait = FIRST_WAIT_MS;
  private ended = false;

  constructor(
    private readonly listener: Listener,
    private readonly since: () => string | null,
    private readonly token: () => string | null,
    private readonly connect: Connect,
    private readonly later: Later,
  ) {}

  /** Connect, and stay connected until `stop`. */
  start(): void {
    const since = this.since();
    const query = since === null ? "" : `?since=${encodeURIComponent(since)}`;
    const token = this.token();
    const protocols = token === null ? [SPOKEN] : [SPOKEN, `bearer.${token}`];
    const socket = this.connect(`/v1/events${query}`, protocols);
    this.socket = socket;
    socket.onopen = () => {
      this.wait = FIRST_WAIT_MS;
      this.listener.opened();
    };
    socket.onmessage = (message) => this.heard(message.data);
    socket.onclose = () => this.closed(socket);
  }

  stop(): void {
    this.ended = true;
    this.socket?.close();
  }

  private heard(text: string): void {
    let event: ApiEvent;
    try {
      event = JSON.parse(text) as ApiEvent;
    } catch {
      return;
    }
    this.listener.event(event);
  }

  private closed(socket: Socket): void {
    if (socket !== this.socket) return;
    this.socket = null;
    if (this.ended) return;
    this.listener.lost();
    this.later(() => {
      if (!this.ended) this.start();
    }, this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
  }
}
