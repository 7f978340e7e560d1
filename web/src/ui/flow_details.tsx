/** A flow: where it goes, what it carried, and what may be done with it. */

import { useEffect, useRef, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { remainder } from "../api/problem.ts";
import type { Flow } from "../api/types.ts";
import { rateOf } from "../model/history.ts";
import { flowLabel, matchText, switchLabel } from "../model/naming.ts";
import type { World } from "../model/world.ts";
import { useAction, usePage, useView } from "./context.tsx";
import { MigrateFlow } from "./migrate_flow.tsx";
import { Equivalents, Facts, Fault } from "./parts.tsx";
import { KeptGraph } from "./rate_graph.tsx";

const LEAST_SECONDS = 2;
/** Between readings: switches bring counters up to date from time to time, in steps. */

export function FlowPart({ one, world }: { one: Flow; world: World }) {
  const { client, histories, view, hasToken } = usePage();
  const { mode } = useView();
  const [counted, setCounted] = useState<Flow>(one);
  const action = useAction();
  const before = useRef<{ at: number; count: number } | null>(null);
  const note = (found: Flow) => {
    setCounted(found);
    if (found.bytes == null) return;
    const now = { at: performance.now() / 1000, count: found.bytes };
    if (before.current !== null && now.at - before.current.at < LEAST_SECONDS) return;
    const rate = rateOf(before.current, now);
    before.current = now;
    if (rate !== null) histories.note(`flow:${one.id}`, { at: now.at, rx: 8 * rate, tx: null });
  };
  // With each look at the loads, and when an event told of it. One that has gone meanwhile is no error.
  useEffect(() => {
    client
      .get<{ flows: Flow[] }>(`/v1/flows?id=${one.id}`)
      .then(({ body }) => body.flows.forEach(note))
      .catch(() => undefined);
  }, [client, one, world.loads]);
  const way = one.path.map((hop) => switchLabel(hop.dpid, world.network.switches)).join(" → ");
  const request = { method: "DELETE", path: `/v1/flows/${one.id}` };
  return (
    <>
      <h2>Flow {flowLabel(one)}</h2>
      <Facts
        facts={[
          ["State", one.reason ? `${one.state}: ${one.reason}` : one.state],
          ["Path", <span class="way">{way}</span>],
          ["Match", <code>{matchText(one.match)}</code>],
          ["Packets", counted.packets ?? "–"],
          ["Priority", one.priority ?? "–"],
        ]}
      />
      <KeptGraph id={`flow:${one.id}`} looked={counted} ways={[["rx", "carried"]]} />
      {mode.kind === "migrate" && mode.flow === one.id ? (
        <MigrateFlow flow={one} waypoints={mode.waypoints} />
      ) : (
        <p class="buttons">
          <button
            type="button"
            class="main"
            disabled={one.path.length < 2}
            onClick={() => view.set({ mode: { kind: "migrate", flow: one.id, waypoints: [] } })}
          >
            Migrate…
          </button>
          <button
            type="button"
            disabled={action.busy}
            onClick={() => action.run(() => client.send("DELETE", request.path))}
          >
            Delete
          </button>
        </p>
      )}
      <Fault words={remainder(action.problem)} />
      <Equivalents
        request={request}
        command={command("flows", "delete", one.id)}
        hasToken={hasToken()}
      />
    </>
  );
}
