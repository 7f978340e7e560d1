/** What is selected: its facts, its rates, its entries, what happened to it, what may be done. */

import { useEffect, useState } from "preact/hooks";
import { command } from "../actions/equivalents.ts";
import { remainder } from "../api/problem.ts";
import type { Domain, Flow, Measures, PortRef, Switch } from "../api/types.ts";
import {
  bps,
  flowLabel,
  kindText,
  matchText,
  memory,
  percent,
  stationLabel,
  switchLabel,
  timeOfDay,
} from "../model/naming.ts";
import { type Cable, cablesOf } from "../model/network.ts";
import { concerns, type World } from "../model/world.ts";
import { useAction, usePage, useView, useWorld } from "./context.tsx";
import { DomainSettings, MovedRouter, MoveRouter } from "./domain_panels.tsx";
import { MigrateFlow } from "./migrate_flow.tsx";
import { Equivalents, Facts, Fault, Field } from "./parts.tsx";
import { RateGraph } from "./rate_graph.tsx";

export function Details() {
  const world = useWorld();
  const { selected } = useView();
  if (selected === null) return <Overview world={world} />;
  const part = partOf(world, selected);
  return (
    <div>
      {part ?? <p class="note">It is not there any more.</p>}
      <Concerning world={world} words={wordsOf(world, selected)} />
    </div>
  );
}

function partOf(world: World, selected: string) {
  const { network } = world;
  const sw = network.switches.get(selected);
  if (sw !== undefined) return <SwitchPart key={selected} one={sw} />;
  const cable = selected.includes("=") ? cablesOf(network).get(selected) : undefined;
  if (cable !== undefined) return <CablePart key={selected} one={cable} world={world} />;
  const station = network.stations.get(selected);
  if (station !== undefined) {
    return (
      <>
        <h2>Station {stationLabel(station)}</h2>
        <Facts
          facts={[
            ["MAC", station.mac],
            ["Addresses", station.ips.join(", ") || "–"],
            ["At", `${switchLabel(station.dpid, network.switches)}, port ${station.port_no}`],
          ]}
        />
        <RateGraph port={station} />
      </>
    );
  }
  if (selected.startsWith("flow:")) {
    const flow = world.flows.known.get(selected.slice(5));
    return flow && <FlowPart key={selected} one={flow} world={world} />;
  }
  if (selected.startsWith("xen:")) return <XenPart key={selected} id={selected} world={world} />;
  if (selected.startsWith("slice:")) {
    const slice = world.slices.known.get(selected.slice(6));
    return (
      slice && (
        <>
          <h2>Slice {slice.name}</h2>
          <Facts
            facts={[
              ["Controllers", slice.controllers.map((one) => one.url).join(", ") || "none"],
              ["Rules", slice.flowspace.length],
              ["State", slice.enabled ? "enabled" : "disabled"],
            ]}
          />
        </>
      )
    );
  }
  return null;
}

function Overview({ world }: { world: World }) {
  const { network } = world;
  const broken = [...world.flows.known.values()].filter((one) => one.state !== "active");
  return (
    <div>
      <h2>Network</h2>
      <Facts
        facts={[
          ["Switches", network.switches.size],
          ["Links", cablesOf(network).size],
          ["Stations", network.stations.size],
          [
            "Flows",
            broken.length
              ? `${world.flows.known.size}, ${broken.length} not active`
              : world.flows.known.size,
          ],
          ["Xen hosts", world.xenHosts.absent ?? world.xenHosts.known.size],
          ["Slices", world.slices.absent ?? world.slices.known.size],
        ]}
      />
      <p class="note">Select something in the picture or the table. Press ? for the keys.</p>
      <Events events={world.events.slice(-40)} />
    </div>
  );
}

function SwitchPart({ one }: { one: Switch }) {
  const { client, hasToken } = usePage();
  const { loads } = useWorld();
  const [name, setName] = useState(one.name ?? "");
  const [measures, setMeasures] = useState<Measures | null>(null);
  const [entries, setEntries] = useState<Record<string, unknown>[] | null>(null);
  const [port, setPort] = useState(
    one.ports.find((found) => found.up && found.port_no < 0xff00)?.port_no ?? 1,
  );
  const action = useAction();
  useEffect(() => {
    const read = () => {
      void client
        .get<Measures>(`/v1/nodes/${one.dpid}/measures`)
        .then(({ body }) => setMeasures(body))
        .catch(() => undefined);
    };
    read();
    const timer = setInterval(read, 5_000);
    return () => clearInterval(timer);
  }, [client, one.dpid]);
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
      <h2>Switch {one.name ?? ""}</h2>
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
            <li key={String(entry["cookie"]) + String(place)}>
              <code>{JSON.stringify(entry["match"] ?? entry)}</code>
              <small>
                priority {String(entry["priority"] ?? "–")},{" "}
                {String(entry["packet_count"] ?? entry["packets"] ?? "–")} packets
              </small>
            </li>
          ))}
        </ul>
      )}
      <Equivalents
        request={request}
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

function CablePart({ one, world }: { one: Cable; world: World }) {
  const label = (end: PortRef) => `${switchLabel(end.dpid, world.network.switches)}:${end.port_no}`;
  const load = (end: PortRef) =>
    world.loads?.ports.find((each) => each.dpid === end.dpid && each.port_no === end.port_no);
  return (
    <>
      <h2>
        Link {label(one.a)} – {label(one.b)}
      </h2>
      <Facts
        facts={[
          [
            "Role",
            one.inTree
              ? "in the spanning tree"
              : one.inTree === false
                ? "spare: closed to broadcasts"
                : "–",
          ],
          [`${label(one.a)} sends`, bps(load(one.a)?.tx_bps)],
          [`${label(one.b)} sends`, bps(load(one.b)?.tx_bps)],
        ]}
      />
      <RateGraph key={one.id} port={one.a} />
    </>
  );
}

function FlowPart({ one, world }: { one: Flow; world: World }) {
  const { client, view, hasToken } = usePage();
  const { mode } = useView();
  const [counted, setCounted] = useState<Flow>(one);
  const action = useAction();
  useEffect(() => {
    const read = () =>
      void client
        .get<Flow>(`/v1/flows/${one.id}`)
        .then(({ body }) => setCounted(body))
        .catch(() => undefined);
    read();
    const timer = setInterval(read, 2_000);
    return () => clearInterval(timer);
  }, [client, one.id]);
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

function XenPart({ id, world }: { id: string; world: World }) {
  const { mode } = useView();
  const [, hostName = "", domainName] = id.split(":");
  const host = world.xenHosts.known.get(hostName);
  if (host === undefined) return <p class="note">It is not there any more.</p>;
  if (domainName === undefined) {
    return (
      <>
        <h2>Xen host {host.name}</h2>
        <Facts
          facts={[
            ["State", host.reason ? `${host.state}: ${host.reason}` : host.state],
            ["Hypervisor", `${host.hypervisor ?? "–"} ${host.version ?? ""}`],
            ["Processors", host.cpus ?? "–"],
            ["Memory free", `${memory(host.free_memory_kb)} of ${memory(host.memory_kb)}`],
          ]}
        />
      </>
    );
  }
  const domain: Domain | undefined = world.domains
    .get(hostName)
    ?.find((one) => one.name === domainName);
  if (domain === undefined) return <MovedRouter domain={domainName} />;
  return (
    <>
      <h2>Router {domain.name}</h2>
      <Facts
        facts={[
          ["Host", host.name],
          ["State", domain.state],
          ["Memory", memory(domain.memory_kb)],
          ["Scheduler", domain.scheduler?.kind ?? "–"],
          ["Network", domain.network ?? "–"],
        ]}
      />
      <MoveRouter
        key={id}
        host={hostName}
        domain={domain.name}
        wanted={mode.kind === "move" && mode.router === id ? mode.destination : ""}
        others={[...world.xenHosts.known.keys()].filter((name) => name !== hostName)}
      />
      <DomainSettings key={`${id} settings`} host={hostName} domain={domain} />
    </>
  );
}

function wordsOf(world: World, selected: string): string[] {
  const words = [selected, selected.replace(/^(flow|slice|network|host):/, "")];
  if (selected.startsWith("xen:")) words.push(selected.split(":").at(-1) ?? "");
  if (selected.includes("=")) return cablesOf(world.network).get(selected) ? [] : [];
  return words;
}

function Concerning({ world, words }: { world: World; words: string[] }) {
  const events = world.events.filter((event) => concerns(event, words)).slice(-20);
  return events.length === 0 ? null : <Events events={events} />;
}

function Events({ events }: { events: World["events"] }) {
  return (
    <>
      <h3>Events</h3>
      <ol class="events">
        {[...events].reverse().map((event) => (
          <li key={event.seq}>
            <time>{timeOfDay(event.at)}</time> {kindText(event.kind)}
          </li>
        ))}
      </ol>
    </>
  );
}
