/** What all parts of the page stand on: the world, the client, the selection. */

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Client } from "../api/client.ts";
import { Problem, unreachable } from "../api/problem.ts";
import type { WhatIf } from "../api/types.ts";
import type { Live } from "../live.ts";
import type { Histories } from "../model/history.ts";
import type { Store } from "../model/store.ts";
import type { World } from "../model/world.ts";

export type Mode =
  | { kind: "look" }
  /** Clicks on switches are waypoints of a flow's new path. */
  | { kind: "migrate"; flow: string; waypoints: string[] }
  /** Clicks on stations and switches are the ends and waypoints of a new flow. */
  | { kind: "draw"; from: string; to: string; through: string }
  /** Clicks on links and switches cut them, in the picture only. */
  | { kind: "whatif"; cut: string[]; answer: WhatIf | null }
  | { kind: "move"; router: string; destination: string }
  | { kind: "slice" }
  | { kind: "timers" };

export interface View {
  selected: string | null;
  mode: Mode;
  /** Ids that are preferred to the selection's own for what is lit. */
  overlay: ReadonlySet<string> | null;
  planned: ReadonlySet<string>;
}

export interface Page {
  world: Store<World>;
  view: Store<View>;
  client: Client;
  live: Live;
  histories: Histories;
  hasToken(): boolean;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (page === null) throw new Error("no page around this part");
  return page;
}

function useStore<State extends object>(store: Store<State>): State {
  const [state, setState] = useState(store.get());
  useEffect(() => {
    setState(store.get());
    return store.subscribe(() => setState(store.get()));
  }, [store]);
  return state;
}

export const useWorld = (): World => useStore(usePage().world);
export const useView = (): View => useStore(usePage().view);

/** Return any error as a problem. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : unreachable(error);

/** Return a function that carries something out, whether it is under way, and what went wrong. */
export function useAction(): {
  run(work: () => Promise<void>): void;
  busy: boolean;
  problem: Problem | null;
  clear(): void;
} {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = (work: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    work()
      .catch((error: unknown) => setProblem(asProblem(error)))
      .finally(() => setBusy(false));
  };
  return { run, busy, problem, clear: () => setProblem(null) };
}
