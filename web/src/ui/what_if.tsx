/** What if: links and switches cut in the picture only, and what would become of the flows. */

import { useEffect, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { type Problem, remainder } from "../api/problem.ts";
import type { WhatIf as Answer, PortRef } from "../api/types.ts";
import { counted, flowLabel, portLabel, switchLabel } from "../model/naming.ts";
import { cablesOf } from "../model/network.ts";
import { wayIds } from "../model/rows.ts";
import { asProblem, usePage, useWorld } from "./context.tsx";
import { Chips, Equivalents, Fault } from "./parts.tsx";

export function WhatIf({ cut }: { cut: string[] }) {
  const { client, view, hasToken } = usePage();
  const world = useWorld();
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const label = (dpid: string) => switchLabel(dpid, world.network.switches);
  const cables = cablesOf(world.network);
  const links = cut.flatMap((id) => {
    const one = cables.get(id);
    return one === undefined ? [] : [{ src: one.a, dst: one.b }];
  });
  const at = (end: PortRef) => portLabel(end, world.network.switches);
  const words = cut.map((id) => {
    const one = cables.get(id);
    return one === undefined ? label(id) : at(one.a);
  });
  const names = cut.map((id) => {
    const one = cables.get(id);
    return one === undefined ? label(id) : `${at(one.a)} – ${at(one.b)}`;
  });
  const body = { links, switches: cut.filter((id) => world.network.switches.has(id)) };
  useEffect(() => {
    setProblem(null);
    setAnswer(null);
    if (cut.length === 0) return;
    let current = true;
    client
      .send<Answer>("POST", "/v1/what-if", body)
      .then((found) => current && setAnswer(found))
      .catch((error: unknown) => current && setProblem(asProblem(error)));
    return () => {
      current = false;
    };
  }, [cut.join(" ")]);
  return (
    <section class="act" aria-label="What if">
      <h2>What if</h2>
      <p class="note">
        Click links and switches to cut them, or choose them in the table; in the picture only.
        Nothing is touched.
      </p>
      <Chips
        label="Cut"
        names={names}
        remove={(place) =>
          view.set({
            mode: { kind: "whatif", cut: cut.filter((_, at) => at !== place), answer: null },
          })
        }
      />
      <Fault words={remainder(problem)} />
      {answer !== null && (
        <div role="status" id="what-if-answer">
          <p>
            {counted(answer.counts.moves ?? 0, "flow")} would move,{" "}
            <b>{answer.counts.breaks ?? 0} would break</b>, {answer.counts.unchanged ?? 0} would
            stay. {counted(answer.hosts_cut_off.length, "station")} would be cut off;{" "}
            {answer.parts === 1
              ? "the network stays whole"
              : `the network falls into ${answer.parts} parts`}
            .
          </p>
          <ul class="entries">
            {answer.flows.map((one) => (
              <li key={one.id} class={one.outcome}>
                <button
                  type="button"
                  class="link"
                  onClick={() => view.set({ planned: wayIds(one.new_path ?? one.path) })}
                >
                  {flowLabel({ id: one.id } as never)}
                </button>{" "}
                {one.outcome}:{" "}
                {(one.new_path ?? one.path).map((hop) => label(hop.dpid)).join(" → ")}
                {one.reason ? `; ${one.reason}` : ""}
              </li>
            ))}
          </ul>
        </div>
      )}
      <p class="buttons">
        <button
          type="button"
          onClick={() => view.set({ mode: { kind: "look" }, planned: new Set() })}
        >
          Close
        </button>
      </p>
      <Equivalents
        request={{ method: "POST", path: "/v1/what-if", body }}
        command={command("what-if", ...words)}
        hasToken={hasToken()}
      />
    </section>
  );
}
