/** A slice: its controllers, its flowspace, and what may be done with it. */

import { useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { linesOf, ruleOf, ruleText } from "../actions/slice_request.ts";
import { faultsOf, remainder } from "../api/problem.ts";
import type { ClashReport, Slice } from "../api/types.ts";
import { Clashes } from "./clashes.tsx";
import { useAction, usePage, useWorld } from "./context.tsx";
import { Equivalents, Facts, Fault, Field } from "./parts.tsx";

export function SlicePart({ one }: { one: Slice }) {
  const { client, live, view, hasToken } = usePage();
  const action = useAction();
  const path = `/v1/slices/${encodeURIComponent(one.name)}`;
  const remove = (from: string) =>
    action.run(async () => {
      await client.send("DELETE", from);
      live.ask("slices");
      if (from === path) view.set({ selected: null });
    });
  return (
    <>
      <h2>Slice {one.name}</h2>
      <Facts
        facts={[
          ["State", one.enabled ? "enabled" : "disabled"],
          ["Controllers", one.controllers.map(({ url }) => url).join(", ") || "none"],
          ["Contact", one.contact || "–"],
        ]}
      />
      <p class="note">The picture shows what its rules reach.</p>
      <h3>Flowspace</h3>
      <ul class="entries">
        {one.flowspace.map((rule) => (
          <li key={rule.id}>
            <code>{ruleText(rule)}</code>
            <small>
              rule {rule.id}, priority {rule.priority}, {rule.permissions}{" "}
              <button
                type="button"
                class="link"
                disabled={action.busy}
                aria-label={`Remove rule ${rule.id}`}
                onClick={() => remove(`${path}/flowspace/${rule.id}`)}
              >
                remove
              </button>
            </small>
          </li>
        ))}
      </ul>
      <AddRule path={path} name={one.name} />
      <p class="buttons">
        <button type="button" id="delete-slice" disabled={action.busy} onClick={() => remove(path)}>
          Delete the slice
        </button>
      </p>
      <Fault words={remainder(action.problem)} />
      <Equivalents
        request={{ method: "DELETE", path }}
        command={command("slices", "delete", one.name)}
        hasToken={hasToken()}
      />
    </>
  );
}

function AddRule({ path, name }: { path: string; name: string }) {
  const { client, live, hasToken } = usePage();
  const { network } = useWorld();
  const [line, setLine] = useState("");
  const [report, setReport] = useState<ClashReport | null>(null);
  const action = useAction();
  const body = linesOf(line).map((one) => ruleOf(one, network.switches));
  const send = (isDry: boolean) =>
    action.run(async () => {
      const query = isDry ? "?dry_run=1" : "";
      const told = await client.send<{ clashes?: ClashReport }>(
        "POST",
        `${path}/flowspace${query}`,
        body,
      );
      setReport(isDry ? (told.clashes ?? { whole: true, clashes: [] }) : null);
      if (isDry) return;
      setLine("");
      live.ask("slices");
    });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send(report === null);
      }}
    >
      <Field
        label="Add a rule"
        names={RULE_FIELDS}
        problem={action.problem}
        value={line}
        onInput={(text) => {
          setLine(text);
          setReport(null);
        }}
        hint="ports=1,3 dl_vlan=10-20"
      />
      {faultsOf(action.problem, ...RULE_FIELDS).length === 0 && (
        <Fault words={remainder(action.problem)} />
      )}
      {report !== null && <Clashes report={report} />}
      <p class="buttons">
        <button type="submit" disabled={action.busy || body.length === 0}>
          {report === null ? "What would clash" : "Add it"}
        </button>
      </p>
      <Equivalents
        request={{ method: "POST", path: `${path}/flowspace`, body }}
        command={command("slices", "rules", "add", name, line)}
        hasToken={hasToken()}
      />
    </form>
  );
}

/** By what the API calls what is wrong with a rule: its place in the list comes first. */
const RULE_FIELDS = ["0", "flowspace", "match", "ports", "dpids", "priority", "permissions"];
