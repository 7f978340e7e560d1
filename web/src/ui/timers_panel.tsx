/** The timers of the controller's applications: seen, and set. */

import { useEffect, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { type Problem, remainder } from "../api/problem.ts";
import { kindText } from "../model/naming.ts";
import { asProblem, useAction, usePage } from "./context.tsx";
import { Equivalents, Fault, Field } from "./parts.tsx";

type Timers = Record<string, number>;

export function TimersPanel() {
  const { live, view } = usePage();
  const paths = live.timerPaths();
  return (
    <section class="act" aria-label="Timers">
      <h2>Timers</h2>
      <p class="note">
        {paths.length > 0
          ? "In seconds; they are in force at once, and kept."
          : "This controller has no timers to set."}
      </p>
      {paths.map((path) => (
        <OneApplication key={path} path={path} />
      ))}
      <p class="buttons">
        <button type="button" onClick={() => view.set({ mode: { kind: "look" } })}>
          Close
        </button>
      </p>
    </section>
  );
}

function OneApplication({ path }: { path: string }) {
  const { client, hasToken } = usePage();
  const [known, setKnown] = useState<Timers | null>(null);
  const [refused, setRefused] = useState<Problem | null>(null);
  const [given, setGiven] = useState<Record<string, string>>({});
  const action = useAction();
  const app = path.split("/").at(-2) ?? "";
  useEffect(() => {
    client
      .get<Timers>(path)
      .then(({ body }) => setKnown(body))
      .catch((error: unknown) => setRefused(asProblem(error)));
  }, [client, path]);
  if (known === null) return <Fault words={remainder(refused)} />;
  const changed = Object.entries(given).filter(([name, text]) => text !== String(known[name]));
  const body = Object.fromEntries(changed.map(([name, text]) => [name, seconds(text)]));
  const set = () =>
    action.run(async () => {
      setKnown(await client.send<Timers>("PATCH", path, body));
      setGiven({});
    });
  return (
    <form
      aria-label={`Timers of ${app}`}
      id={`timers-${app}`}
      onSubmit={(event) => {
        event.preventDefault();
        set();
      }}
    >
      <h3>{app}</h3>
      {Object.entries(known).map(([name, value]) => (
        <Field
          key={name}
          label={kindText(name)}
          names={[name]}
          problem={action.problem}
          value={given[name] ?? String(value)}
          onInput={(text) => setGiven({ ...given, [name]: text })}
        />
      ))}
      <Fault words={remainder(action.problem, ...Object.keys(known))} />
      <p class="buttons">
        <button type="submit" disabled={changed.length === 0 || action.busy}>
          Set
        </button>
      </p>
      <Equivalents
        request={{ method: "PATCH", path, body }}
        command={command("timers", app, ...changed.map(([name, text]) => `${name}=${text}`))}
        hasToken={hasToken()}
      />
    </form>
  );
}

/** What is no number is sent as it is: the API says what is wrong with it. */
const seconds = (text: string): number | string =>
  text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
