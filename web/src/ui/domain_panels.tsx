/** What may be done with a virtual router: move it to another host, set its share. */

import { useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { faultsOf, remainder } from "../api/problem.ts";
import type { Domain, RouterMigration } from "../api/types.ts";
import { useAction, usePage, useView, useWorld } from "./context.tsx";
import { Equivalents, Fault, Field } from "./parts.tsx";

const MODES = ["plane-separation", "standard"];

export function MoveRouter(props: {
  host: string;
  domain: string;
  wanted: string;
  others: string[];
}) {
  const { client, hasToken } = usePage();
  const { mode: viewMode } = useView();
  const { migrations } = useWorld();
  const wanted = viewMode.kind === "move" ? viewMode.destination : "";
  const [chosen, setChosen] = useState(props.wanted || wanted || (props.others[0] ?? ""));
  const destination = wanted || chosen;
  const [mode, setMode] = useState("standard");
  const [rehearsed, setRehearsed] = useState<RouterMigration | null>(null);
  const [id, setId] = useState<string | null>(null);
  const action = useAction();
  if (props.others.length === 0) return <p class="note">There is no other host to move it to.</p>;
  const path = `/v1/xen/hosts/${props.host}/domains/${encodeURIComponent(props.domain)}/migrations`;
  const body = { destination, mode };
  const send = (dry_run: boolean) =>
    action.run(async () => {
      const found = await client.send<RouterMigration>("POST", path, { ...body, dry_run });
      if (dry_run) setRehearsed(found);
      else setId(found.id);
    });
  const running = id === null ? undefined : (migrations.get(id) as RouterMigration | undefined);
  const told = running ?? rehearsed;
  return (
    <section class="act" aria-label="Move the router">
      <h3>Move to another host</h3>
      <div class="inline">
        <label for="destination">To</label>
        <select
          id="destination"
          value={destination}
          onChange={(event) => setChosen(event.currentTarget.value)}
        >
          {props.others.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <label for="mode">Mode</label>
        <select id="mode" value={mode} onChange={(event) => setMode(event.currentTarget.value)}>
          {MODES.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </div>
      <Fault words={faultsOf(action.problem, "destination", "mode")} />
      <p class="buttons">
        <button type="button" disabled={action.busy} onClick={() => send(true)}>
          What would be done
        </button>
        <button
          type="button"
          class="main"
          id="move-now"
          disabled={action.busy}
          onClick={() => send(false)}
        >
          Move now
        </button>
      </p>
      <Fault words={remainder(action.problem, "destination", "mode")} />
      {told !== null && told !== undefined && <Steps told={told} />}
      <Equivalents
        request={{ method: "POST", path, body }}
        command={command("xen", "migrate", props.host, props.domain, destination, "--mode", mode)}
        hasToken={hasToken()}
      />
    </section>
  );
}

/** A router that is no longer on a host: where its newest migration took it, with the steps. */
export function MovedRouter({ domain }: { domain: string }) {
  const { migrations } = useWorld();
  const last = [...migrations.values()]
    .filter((one): one is RouterMigration => one.kind === "router" && one.domain === domain)
    .sort((one, other) => other.started - one.started)[0];
  if (last === undefined) return <p class="note">It is not there any more.</p>;
  return (
    <>
      <h2>Router {domain}</h2>
      <p class="note">
        From {last.host} to {last.destination}
      </p>
      <Steps told={last} />
    </>
  );
}

function Steps({ told }: { told: RouterMigration }) {
  const pause = told.pause_ms === null ? "" : `, stood still for ${Math.round(told.pause_ms)} ms`;
  const lost = told.lost === null ? "" : `, ${told.lost} packets lost`;
  return (
    <div class="plan" role="status">
      <p>
        <b>{told.state}</b>
        {pause}
        {lost}
        {told.problem && `: ${told.problem}`}
      </p>
      <ol>
        {told.steps.map((step) => (
          <li key={step.name}>
            {step.name}: {step.state} {step.detail ?? ""}
          </li>
        ))}
      </ol>
      <Fault words={(told.refusals ?? []).map((one) => `${one.field}: ${one.reason}`)} />
    </div>
  );
}

export function DomainSettings({ host, domain }: { host: string; domain: Domain }) {
  const { client, live, hasToken } = usePage();
  const [weight, setWeight] = useState(text(domain.scheduler?.weight));
  const [cap, setCap] = useState(text(domain.scheduler?.cap));
  const [vcpus, setVcpus] = useState(text(domain.vcpus?.current));
  const action = useAction();
  const given: [string, string, number | null | undefined][] = [
    ["weight", weight, domain.scheduler?.weight],
    ["cap", cap, domain.scheduler?.cap],
    ["vcpus", vcpus, domain.vcpus?.current],
  ];
  const changed = given.filter(([, now, before]) => now !== "" && now !== text(before));
  const body = Object.fromEntries(changed.map(([name, now]) => [name, number(now)]));
  const path = `/v1/xen/hosts/${host}/domains/${encodeURIComponent(domain.name)}`;
  const words = changed.flatMap(([name, now]) => [`--${name}`, now]);
  return (
    <form
      class="act"
      onSubmit={(event) => {
        event.preventDefault();
        action.run(async () => {
          await client.send("PATCH", path, body);
          live.ask("xen");
        });
      }}
    >
      <h3>Scheduler</h3>
      <Field
        label="Weight"
        names={["weight"]}
        problem={action.problem}
        value={weight}
        onInput={setWeight}
      />
      <Field
        label="Cap (% of a processor)"
        names={["cap"]}
        problem={action.problem}
        value={cap}
        onInput={setCap}
      />
      <Field
        label="vCPUs"
        names={["vcpus"]}
        problem={action.problem}
        value={vcpus}
        onInput={setVcpus}
      />
      <Fault words={remainder(action.problem, "weight", "cap", "vcpus")} />
      <p class="buttons">
        <button type="submit" disabled={changed.length === 0 || action.busy}>
          Set
        </button>
      </p>
      <Equivalents
        request={{ method: "PATCH", path, body }}
        command={command("xen", "set", host, domain.name, ...words)}
        hasToken={hasToken()}
      />
    </form>
  );
}

const text = (value: number | null | undefined): string => (value == null ? "" : String(value));
/** What is no number is sent as it is: the API says what is wrong with it. */
const number = (given: string): number | string => (/^\d+$/.test(given) ? Number(given) : given);
