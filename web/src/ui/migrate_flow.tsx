/** Moves a flow: waypoints by click or key, the plan before, progress and loss, and the way back. */

import { useEffect, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { faultsOf, type Problem, remainder } from "../api/problem.ts";
import type { Flow, FlowMigration, Loads } from "../api/types.ts";
import { counted, switchLabel } from "../model/naming.ts";
import { wayIds } from "../model/rows.ts";
import { asProblem, useAction, usePage, useWorld } from "./context.tsx";
import { Chips, Equivalents, Fault } from "./parts.tsx";

export function MigrateFlow({ flow, waypoints }: { flow: Flow; waypoints: string[] }) {
  const { client, view, hasToken } = usePage();
  const world = useWorld();
  const [plan, setPlan] = useState<FlowMigration | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [done, setDone] = useState<FlowMigration | null>(null);
  const [typed, setTyped] = useState("");
  const action = useAction();
  const label = (dpid: string) => switchLabel(dpid, world.network.switches);
  const body = { flow: flow.id, dpids: waypoints };
  const setWaypoints = (next: string[]) =>
    view.set({ mode: { kind: "migrate", flow: flow.id, waypoints: next } });

  useEffect(() => {
    setPlan(null);
    setProblem(null);
    if (waypoints.length === 0 || done !== null) return;
    let current = true;
    client
      .send<FlowMigration>("POST", "/v1/migrations", { ...body, dry_run: true })
      .then((found) => {
        if (!current) return;
        setPlan(found);
        view.set({ planned: wayIds(found.path) });
      })
      .catch((error: unknown) => current && setProblem(asProblem(error)));
    return () => {
      current = false;
      view.set({ planned: new Set() });
    };
  }, [waypoints.join("|"), flow.id, done]);

  const carryOut = (given: Record<string, unknown>) =>
    action.run(async () =>
      setDone(await client.send<FlowMigration>("POST", "/v1/migrations", given)),
    );
  const add = () => {
    const found = [...world.network.switches.values()].find(
      (one) => label(one.dpid) === typed.trim() || one.dpid === typed.trim(),
    );
    if (found !== undefined) setWaypoints([...waypoints, found.dpid]);
    if (found !== undefined) setTyped("");
  };
  const next = done?.undo ?? body;
  const through = (next.dpids as string[] | undefined) ?? waypoints;
  const end = () => view.set({ mode: { kind: "look" }, planned: new Set() });
  return (
    <section class="act" aria-label="Migrate the flow">
      <h3>Migrate</h3>
      {done === null && (
        <p class="note">Click switches in the order in which the flow is to pass them.</p>
      )}
      <Chips
        label="Waypoints"
        names={waypoints.map(label)}
        remove={(place) => setWaypoints(waypoints.filter((_, at) => at !== place))}
      />
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <label for="waypoint">Through</label>
        <input
          id="waypoint"
          list="switch-names"
          autocomplete="off"
          value={typed}
          placeholder="switch"
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <button type="submit">Add</button>
      </form>
      <Fault
        words={[...faultsOf(problem, "dpids", "flow"), ...remainder(problem, "dpids", "flow")]}
      />
      {plan !== null && <Plan plan={plan} label={label} />}
      {done !== null && <Outcome done={done} label={label} />}
      <Loss
        loads={world.loads}
        ways={[...flow.path, ...(plan?.path ?? done?.previous_path ?? [])]}
      />
      <p class="buttons">
        {done === null ? (
          <button
            type="button"
            class="main"
            id="migrate-now"
            disabled={plan === null || action.busy}
            onClick={() => carryOut(body)}
          >
            {action.busy ? "Moving…" : "Migrate now"}
          </button>
        ) : (
          done.undo !== undefined && (
            <button
              type="button"
              class="main"
              id="undo"
              disabled={action.busy}
              onClick={() => carryOut(done.undo ?? {})}
            >
              Undo
            </button>
          )
        )}
        <button type="button" onClick={end}>
          Close
        </button>
      </p>
      <Fault words={remainder(action.problem)} />
      <Equivalents
        request={{ method: "POST", path: "/v1/migrations", body: next }}
        command={command("migrate", flow.id, "--through", through.map(label).join(","))}
        hasToken={hasToken()}
      />
    </section>
  );
}

function Plan({ plan, label }: { plan: FlowMigration; label(dpid: string): string }) {
  const { summary } = plan;
  const list = (dpids: string[]) => (dpids.length ? dpids.map(label).join(", ") : "none");
  return (
    <div class="plan">
      <p>
        New path <b class="way">{plan.path.map((hop) => label(hop.dpid)).join(" → ")}</b> (
        {plan.path_kind})
      </p>
      {summary && (
        <p>
          Added on {list(summary.added)}; replaced on {list(summary.replaced)}; deleted on{" "}
          {list(summary.deleted)}.
        </p>
      )}
      <ol>
        {(plan.plan ?? []).map((wave, place) => (
          <li key={`${wave.kind} ${place}`}>
            {wave.kind}:{" "}
            {wave.messages.map((one) => `${one.command} on ${label(one.dpid)}`).join(", ")}
          </li>
        ))}
      </ol>
    </div>
  );
}

function Outcome({ done, label }: { done: FlowMigration; label(dpid: string): string }) {
  const took = done.duration_ms === null ? "" : ` in ${Math.round(done.duration_ms)} ms`;
  return (
    <p class="outcome" role="status">
      {done.state === "done" ? "Moved" : done.state}
      {took}, {counted(done.waves, "wave")}:{" "}
      <b class="way">{done.path.map((hop) => label(hop.dpid)).join(" → ")}</b>
      {done.error && ` (${done.error.detail})`}
    </p>
  );
}

/** What the ports of both paths drop just now: the controller's newest look at their counters. */
function Loss({ loads, ways }: { loads: Loads | null; ways: Flow["path"] }) {
  const ports = new Set(
    ways.flatMap((hop) => [`${hop.dpid}:${hop.in_port}`, `${hop.dpid}:${hop.out_port}`]),
  );
  const dropped = (loads?.ports ?? [])
    .filter((one) => ports.has(`${one.dpid}:${one.port_no}`))
    .reduce((sum, one) => sum + (one.dropped_per_s ?? 0), 0);
  return loads === null ? null : (
    <p class="note">
      Dropped at the ports of both paths: <b>{Math.round(dropped * 10) / 10} packets/s</b>
    </p>
  );
}
