/** The share of a processor that a router has: weight, cap, vCPUs. */

import { useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { remainder } from "../api/problem.ts";
import type { Domain, XenHost } from "../api/types.ts";
import { useAction, usePage } from "./context.tsx";
import { Equivalents, Fault, Field } from "./parts.tsx";

const SETTINGS = [
  { name: "weight", label: "Weight", of: (one: Domain) => one.scheduler?.weight },
  {
    name: "cap",
    label: "Cap (% of a processor; 0: none)",
    of: (one: Domain) => one.scheduler?.cap,
  },
  { name: "vcpus", label: "vCPUs", of: (one: Domain) => one.vcpus?.current },
];

export function DomainSettings({ host, domain }: { host: XenHost; domain: Domain }) {
  const { client, live, hasToken } = usePage();
  const [given, setGiven] = useState<Record<string, string>>({});
  const action = useAction();
  const offered = SETTINGS.filter(({ name }) => host.capabilities.includes(name));
  const missing = SETTINGS.filter(({ name }) => !host.capabilities.includes(name));
  const changed = offered.flatMap(({ name, of }): [string, string][] => {
    const now = given[name];
    return now === undefined || now === "" || now === text(of(domain)) ? [] : [[name, now]];
  });
  const body = Object.fromEntries(changed.map(([name, now]) => [name, number(now)]));
  const path = `/v1/xen/hosts/${host.name}/domains/${encodeURIComponent(domain.name)}`;
  const words = changed.flatMap(([name, now]) => [`--${name}`, now]);
  const set = () =>
    action.run(async () => {
      await client.send("PATCH", path, body);
      setGiven({});
      live.ask("xen");
    });
  return (
    <form
      class="act"
      aria-label="Share of a processor"
      onSubmit={(event) => {
        event.preventDefault();
        set();
      }}
    >
      <h3>Scheduler</h3>
      {offered.map(({ name, label, of }) => (
        <Field
          key={name}
          label={label}
          names={[name]}
          problem={action.problem}
          value={given[name] ?? text(of(domain))}
          onInput={(value) => setGiven({ ...given, [name]: value })}
        />
      ))}
      {missing.length > 0 && (
        <p class="note">
          {host.name} ({host.hypervisor ?? "unknown"}) has no{" "}
          {missing.map(({ name }) => name).join(", ")} to set.
        </p>
      )}
      <Fault words={remainder(action.problem, ...SETTINGS.map(({ name }) => name))} />
      <p class="buttons">
        <button type="submit" id="set-share" disabled={changed.length === 0 || action.busy}>
          Set
        </button>
      </p>
      <Equivalents
        request={{ method: "PATCH", path, body }}
        command={command("xen", "set", host.name, domain.name, ...words)}
        hasToken={hasToken()}
      />
    </form>
  );
}

const text = (value: number | null | undefined): string => (value == null ? "" : String(value));
/** What is no number is sent as it is: the API says what is wrong with it. */
const number = (given: string): number | string => (/^\d+$/.test(given) ? Number(given) : given);
