/** A switch: what it is called, its ports with their rates, its flow entries. */

import { useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { remainder } from "../api/problem.ts";
import type { Switch } from "../api/types.ts";
import { bps, percent, switchLabel } from "../model/naming.ts";
import { useAction, usePage, useWorld } from "./context.tsx";
import { useMeasures } from "./measures.ts";
import { Equivalents, Facts, Fault, Field } from "./parts.tsx";
import { RateGraph } from "./rate_graph.tsx";

export function SwitchPart({ one }: { one: Switch }) {
  const { client, hasToken } = usePage();
  const { loads, network } = useWorld();
  const [name, setName] = useState(one.name ?? "");
  const measures = useMeasures(one.dpid);
  const [entries, setEntries] = useState<Record<string, unknown>[] | null>(null);
  const [port, setPort] = useState(
    one.ports.find((found) => found.up && found.port_no < 0xff00)?.port_no ?? 1,
  );
  const action = useAction();
  const request = { method: "PUT", path: `/v1/switches/${one.dpid}/name`, body: { name } };
  const readEntries = () =>
    void client
      .get<unknown>(`/v1/stats/${one.dpid}/flows`)
      .then(({ body }) => setEntries(listIn(body)))
      .catch(() => setEntries([]));
  const rates = new Map(
    (loads?.ports ?? [])
      .filter((each) => each.dpid === one.dpid)
      .map((each) => [each.port_no, each]),
  );
  return (
    <>
      <h2>Switch {switchLabel(one.dpid, network.switches)}</h2>
      <Facts
        facts={[
          ["Datapath", one.dpid],
          ["OpenFlow", one.openflow],
          ["Address", one.address],
          ["Processor", percent(measures?.cpu_percent)],
          ["Memory", percent(measures?.memory_percent)],
          ["Dropped", measures?.dropped_per_s == null ? "–" : `${measures.dropped_per_s}/s`],
        ]}
      />
      <form
        class="inline"
        onSubmit={(event) => {
          event.preventDefault();
          action.run(() => client.send("PUT", request.path, request.body));
        }}
      >
        <Field
          label="Name"
          names={["name"]}
          problem={action.problem}
          value={name}
          onInput={setName}
          hint="s1"
        />
        <button type="submit" disabled={action.busy}>
          Rename
        </button>
      </form>
      <Fault words={remainder(action.problem, "name")} />
      <Equivalents
        request={request}
        command={command("switches", "name", one.dpid, name)}
        hasToken={hasToken()}
      />
      <h3>Ports</h3>
      <table class="plain">
        <thead>
          <tr>
            <th>Port</th>
            <th>Name</th>
            <th>In</th>
            <th>Out</th>
          </tr>
        </thead>
        <tbody>
          {one.ports.map((each) => (
            <tr key={each.port_no} class={each.port_no === port ? "chosen" : ""}>
              <td>
                <button type="button" class="link" onClick={() => setPort(each.port_no)}>
                  {each.port_no > 0xff00 ? "local" : each.port_no}
                </button>
              </td>
              <td>
                {each.name} {!each.up && <em>down</em>}
              </td>
              <td>{bps(rates.get(each.port_no)?.rx_bps)}</td>
              <td>{bps(rates.get(each.port_no)?.tx_bps)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <RateGraph key={port} port={{ dpid: one.dpid, port_no: port }} />
      <h3>Flow entries</h3>
      {entries === null ? (
        <button type="button" onClick={readEntries}>
          Show them
        </button>
      ) : (
        <ul class="entries">
          {entries.map((entry, place) => (
            <li key={String(entry.cookie) + String(place)}>
              <code>{JSON.stringify(entry.match ?? entry)}</code>
              <small>
                priority {String(entry.priority ?? "–")},{" "}
                {String(entry.packet_count ?? entry.packets ?? "–")} packets
              </small>
            </li>
          ))}
        </ul>
      )}
      <Equivalents
        request={{ method: "GET", path: `/v1/stats/${one.dpid}/flows` }}
        command={command("stats", one.dpid, "--part", "flows")}
        hasToken={hasToken()}
      />
    </>
  );
}

/** Return the first list of objects in a document of statistics, at any depth. */
function listIn(body: unknown): Record<string, unknown>[] {
  if (Array.isArray(body)) {
    if (body.some((one) => typeof one === "object" && one !== null && "match" in one))
      return body as Record<string, unknown>[];
    return body.flatMap(listIn);
  }
  if (typeof body !== "object" || body === null) return [];
  return Object.values(body).flatMap(listIn);
}
