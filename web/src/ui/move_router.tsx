/** Moves a router to another host: how, what would be done, and the steps as they happen. */

import { useEffect, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import {
  bestMode,
  canMove,
  givingUp,
  MOVE_MODES,
  type MoveMode,
  modeWords,
  newestMove,
  type Plane,
} from "../actions/router_move.ts";
import { remainder } from "../api/problem.ts";
import type { RouterMigration } from "../api/types.ts";
import { routerId } from "../model/world.ts";
import { useAction, usePage, useView, useWorld } from "./context.tsx";
import { Choice, Equivalents, Fault } from "./parts.tsx";

export function MoveRouter({ host, domain }: { host: string; domain: string }) {
  const { client, hasToken } = usePage();
  const { mode: viewMode } = useView();
  const { migrations, xenHosts } = useWorld();
  const planes = usePlanes(host);
  const hosts = [...xenHosts.known.values()].filter(canMove).map((one) => one.name);
  const others = hosts.filter((name) => name !== host);
  const dropped = viewMode.kind === "move" ? viewMode.destination : "";
  const [chosen, setChosen] = useState(dropped || (others[0] ?? ""));
  const [picked, setPicked] = useState<MoveMode | null>(null);
  const [rehearsed, setRehearsed] = useState<RouterMigration | null>(null);
  const action = useAction();
  const best = bestMode(planes ?? [], domain);
  const mode = picked ?? best;
  const path = `/v1/xen/hosts/${host}/domains/${encodeURIComponent(domain)}/migrations`;
  const body = { destination: chosen, mode };
  const send = (given: typeof body, dry_run: boolean) =>
    action.run(async () => {
      const found = await client.send<RouterMigration>("POST", path, { ...given, dry_run });
      setRehearsed(dry_run ? found : null);
    });
  useEffect(() => {
    if (dropped === "" || planes === null) return;
    setChosen(dropped);
    send({ destination: dropped, mode }, true);
  }, [dropped, planes === null]);

  if (!hosts.includes(host))
    return <p class="note">{host} does not declare that it moves domains.</p>;
  if (others.length === 0) return <p class="note">There is no other host to move it to.</p>;
  const told = rehearsed ?? newestMove(migrations.values(), domain);
  return (
    <section class="act" aria-label="Move the router">
      <h3>Move to another host</h3>
      <Choice
        label="To"
        id="destination"
        names={["destination"]}
        problem={action.problem}
        value={chosen}
        among={others}
        onChange={setChosen}
      />
      <Choice
        label="Mode"
        id="mode"
        names={["mode"]}
        problem={action.problem}
        value={mode}
        among={MOVE_MODES}
        onChange={(value) => setPicked(value as MoveMode)}
      />
      <p class="note" id="mode-words">
        {planes === null ? "Asking whether its planes are separated…" : modeWords(mode, best)}
      </p>
      <p class="buttons">
        <button type="button" disabled={action.busy} onClick={() => send(body, true)}>
          What would be done
        </button>
        <button
          type="button"
          class="main"
          id="move-now"
          disabled={action.busy || planes === null}
          onClick={() => send(body, false)}
        >
          Move now
        </button>
      </p>
      <Fault words={remainder(action.problem, "destination", "mode")} />
      {told !== undefined && <Steps told={told} />}
      <Equivalents
        request={{ method: "POST", path, body }}
        command={command("xen", "migrate", host, domain, chosen, "--mode", mode)}
        hasToken={hasToken()}
      />
    </section>
  );
}

/** A router that is no longer on a host: where its newest migration takes it, with the steps. */
export function MovedRouter({ domain }: { domain: string }) {
  const { view } = usePage();
  const { migrations, domains } = useWorld();
  const last = newestMove(migrations.values(), domain);
  const there = (domains.get(last?.destination ?? "") ?? []).some((one) => one.name === domain);
  const isThere = last !== undefined && last.state === "done" && there;
  useEffect(() => {
    if (isThere) view.set({ selected: routerId(last.destination, domain), mode: { kind: "look" } });
  }, [isThere]);
  if (last === undefined) return <p class="note">It is not there any more.</p>;
  return (
    <>
      <h2>Router {domain}</h2>
      <Steps told={last} />
    </>
  );
}

/** Return the routers of a host whose planes are told; null while that is asked. */
function usePlanes(host: string): readonly Plane[] | null {
  const { client } = usePage();
  const [planes, setPlanes] = useState<readonly Plane[] | null>(null);
  useEffect(() => {
    let current = true;
    client
      .get<{ planes: Plane[] }>(`/v1/xen/hosts/${encodeURIComponent(host)}/planes`)
      .then(({ body }) => current && setPlanes(body.planes))
      .catch(() => current && setPlanes([]));
    return () => {
      current = false;
    };
  }, [client, host]);
  return planes;
}

function Steps({ told }: { told: RouterMigration }) {
  const { hasToken } = usePage();
  const pause = told.pause_ms === null ? "" : `, stood still for ${Math.round(told.pause_ms)} ms`;
  const lost = told.lost === null ? "" : `, ${told.lost} packets lost`;
  return (
    <div class="plan" role="status" id="move-steps">
      <p>
        {told.host} → {told.destination}, {told.mode}: <b>{told.state}</b>
        {pause}
        {lost}
        {told.problem && `: ${told.problem}`}
        {told.silence && ` (${told.silence})`}
      </p>
      {told.unsettled && (
        <>
          <p class="unsettled">Unsettled: {told.unsettled}. Who waits no longer ends it by hand:</p>
          <Equivalents {...givingUp(told)} hasToken={hasToken()} />
        </>
      )}
      <ol>
        {told.steps.map((step) => (
          <li key={step.name} class={`step ${step.state}`}>
            {step.name}: {step.state} {took(step)} {step.detail ?? ""}
          </li>
        ))}
      </ol>
      <Fault words={(told.refusals ?? []).map((one) => `${one.field}: ${one.reason}`)} />
    </div>
  );
}

function took({ began_s, ended_s }: RouterMigration["steps"][number]): string {
  return began_s === null || ended_s === null ? "" : `${Math.round((ended_s - began_s) * 1000)} ms`;
}
