/** Everything that the page knows of the controller and of what that manages. */

import type {
  ApiEvent,
  Domain,
  Flow,
  Loads,
  Migration,
  Position,
  Slice,
  VirtualNetwork,
  XenHost,
  XenTopology,
} from "../api/types.ts";
import { EMPTY, type Network } from "./network.ts";

/** `absent` says in words why a part of the controller is not there. */
export type Part<T> = { known: T; absent: null } | { known: T; absent: string };

export type Liveness =
  | { state: "starting" }
  | { state: "live" }
  | { state: "stale"; since: number }
  | { state: "locked" };

export interface World {
  liveness: Liveness;
  network: Network;
  /** Why there can be no switch, in words; null where there can. */
  noSwitches: string | null;
  /** Whether a first snapshot is there. */
  loaded: boolean;
  positions: ReadonlyMap<string, Position>;
  flows: Part<ReadonlyMap<string, Flow>>;
  migrations: ReadonlyMap<string, Migration>;
  slices: Part<ReadonlyMap<string, Slice>>;
  networks: Part<ReadonlyMap<string, VirtualNetwork>>;
  xenHosts: Part<ReadonlyMap<string, XenHost>>;
  /** Domains by the name of their host; Domain 0 is not among them. */
  domains: ReadonlyMap<string, readonly Domain[]>;
  xenTopology: XenTopology | null;
  loads: Loads | null;
  /** The newest last. */
  events: readonly ApiEvent[];
}

export const MOST_EVENTS = 300;

export function emptyWorld(): World {
  return {
    liveness: { state: "starting" },
    network: EMPTY,
    noSwitches: null,
    loaded: false,
    positions: new Map(),
    flows: { known: new Map(), absent: null },
    migrations: new Map(),
    slices: { known: new Map(), absent: null },
    networks: { known: new Map(), absent: null },
    xenHosts: { known: new Map(), absent: null },
    domains: new Map(),
    xenTopology: null,
    loads: null,
    events: [],
  };
}

export const xenHostId = (host: string): string => `xen:${host}`;
export const routerId = (host: string, domain: string): string => `xen:${host}:${domain}`;

/** Tell whether an event concerns an object: one of these words stands in its data, or `DPID:PORT` does. */
export function concerns(event: ApiEvent, words: readonly string[]): boolean {
  return mentions(event.data, new Set(words), 0);
}

function mentions(value: unknown, words: ReadonlySet<string>, depth: number): boolean {
  if (typeof value === "string") return words.has(value);
  if (typeof value !== "object" || value === null || depth > 3) return false;
  const { dpid, port_no } = value as { dpid?: unknown; port_no?: unknown };
  if (port_no !== undefined && words.has(`${dpid}:${port_no}`)) return true;
  return Object.values(value).some((inner) => mentions(inner, words, depth + 1));
}
