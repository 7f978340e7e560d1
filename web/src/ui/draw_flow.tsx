/** Makes a flow: its ends and waypoints by click or key, and what an API refuses beside its field. */

import { useEffect, useRef, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { type Drawn, type FlowBody, flowBody, flowWords } from "../actions/flow_request.ts";
import { remainder } from "../api/problem.ts";
import type { Flow } from "../api/types.ts";
import { stationLabel } from "../model/naming.ts";
import type { Network } from "../model/network.ts";
import { type Mode, useAction, usePage, useWorld } from "./context.tsx";
import { Equivalents, Fault, Field } from "./parts.tsx";

type Draw = Extract<Mode, { kind: "draw" }>;

const NAMED = ["src", "dst", "waypoints", "match", "priority"];

export function DrawFlow({ mode }: { mode: Draw }) {
  const { client, view, live, hasToken } = usePage();
  const { network } = useWorld();
  const [match, setMatch] = useState("");
  const [priority, setPriority] = useState("");
  const [both, setBoth] = useState(false);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);

  const drawn: Drawn = { ...mode, match, priority, both };
  const write = (change: Partial<Draw>) => view.set({ mode: { ...mode, ...change } });
  const make = () =>
    action.run(async () => {
      const body = flowBody(drawn, network.switches, network.stations);
      const made = await client.send<Flow>("POST", "/v1/flows", body);
      live.ask("flows");
      view.set({ mode: { kind: "look" }, selected: `flow:${made.id}` });
    });
  const common = { problem: action.problem };
  return (
    <section class="act" aria-label="Draw a flow">
      <h2>Draw a flow</h2>
      <p class="note">
        Click the station where it begins, the one where it ends, and between them the switches that
        it is to pass; or write them.
      </p>
      <form
        ref={form}
        onSubmit={(event) => {
          event.preventDefault();
          make();
        }}
      >
        <Field
          {...common}
          label="From"
          names={["src"]}
          value={mode.from}
          onInput={(from) => write({ from })}
          hint="10.0.0.1, or s1:3"
          list="station-names"
        />
        <Field
          {...common}
          label="To"
          names={["dst"]}
          value={mode.to}
          onInput={(to) => write({ to })}
          hint="10.0.0.2, or s4:1"
          list="station-names"
        />
        <Field
          {...common}
          label="Through"
          names={["waypoints"]}
          value={mode.through}
          onInput={(through) => write({ through })}
          hint="switches in order: s2, s5"
        />
        <Field
          {...common}
          label="Match"
          names={["match"]}
          value={match}
          onInput={setMatch}
          hint="dl_type=0x800,nw_proto=17"
        />
        <Field
          {...common}
          label="Priority"
          names={["priority"]}
          value={priority}
          onInput={setPriority}
          hint="the controller’s own"
        />
        <p>
          <label>
            <input
              type="checkbox"
              checked={both}
              onChange={(event) => setBoth(event.currentTarget.checked)}
            />{" "}
            And the way back
          </label>
        </p>
        <Fault words={remainder(action.problem, ...NAMED)} />
        <p class="buttons">
          <button type="submit" class="main" id="make-flow" disabled={action.busy}>
            {action.busy ? "Making…" : "Make the flow"}
          </button>
          <button type="button" onClick={() => view.set({ mode: { kind: "look" } })}>
            Close
          </button>
        </p>
      </form>
      <Equivalents
        request={{ method: "POST", path: "/v1/flows", body: bodySoFar(drawn, network) }}
        command={command(...flowWords(drawn))}
        hasToken={hasToken()}
      />
      <datalist id="station-names">
        {[...network.stations.values()].map((one) => (
          <option key={one.mac} value={stationLabel(one)} />
        ))}
      </datalist>
    </section>
  );
}

/** Return the body as it would be sent; while an end is missing, what there is of it. */
function bodySoFar(drawn: Drawn, network: Network): FlowBody | Record<string, never> {
  try {
    return flowBody(drawn, network.switches, network.stations);
  } catch {
    return {};
  }
}
