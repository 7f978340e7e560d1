/** A Xen host, or a router on one. */

import { isUnderWay, newestMove } from "../actions/router_move.ts";
import type { Domain, Measures, XenHost } from "../api/types.ts";
import { memory, percent } from "../model/naming.ts";
import { routerId, type World, xenHostId } from "../model/world.ts";
import { DomainSettings } from "./domain_settings.tsx";
import { useMeasures } from "./measures.ts";
import { MovedRouter, MoveRouter } from "./move_router.tsx";
import { Facts } from "./parts.tsx";
import { KeptGraph } from "./rate_graph.tsx";

export function XenPart({ id, world }: { id: string; world: World }) {
  const [, hostName = "", domainName] = id.split(":");
  const host = world.xenHosts.known.get(hostName);
  if (host === undefined) return <p class="note">It is not there any more.</p>;
  if (domainName === undefined) return <HostPart host={host} />;
  const domain = world.domains.get(hostName)?.find((one) => one.name === domainName);
  if (domain === undefined) return <MovedRouter domain={domainName} />;
  return <RouterPart host={host} domain={domain} world={world} />;
}

function HostPart({ host }: { host: XenHost }) {
  const id = xenHostId(host.name);
  const measures = useMeasures(id, host.state === "connected");
  return (
    <>
      <h2>Xen host {host.name}</h2>
      <Facts
        facts={[
          ["State", host.reason ? `${host.state}: ${host.reason}` : host.state],
          ["Hypervisor", `${host.hypervisor ?? "–"} ${host.version ?? ""}`],
          ["Processors", host.cpus ?? "–"],
          ["Memory free", `${memory(host.free_memory_kb)} of ${memory(host.memory_kb)}`],
          ...used(measures),
        ]}
      />
      <KeptGraph id={id} looked={measures} />
    </>
  );
}

function RouterPart(props: { host: XenHost; domain: Domain; world: World }) {
  const { host, domain, world } = props;
  const id = routerId(host.name, domain.name);
  // A router that is on its way answers nobody.
  const moves = isUnderWay(newestMove(world.migrations.values(), domain.name));
  const measures = useMeasures(id, domain.state === "running" && !moves);
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
          ...used(measures),
        ]}
      />
      <MoveRouter key={id} host={host.name} domain={domain.name} />
      <DomainSettings key={`${id} settings`} host={host} domain={domain} />
      <KeptGraph id={id} looked={measures} />
    </>
  );
}

const used = (measures: Measures | null): [string, string][] => [
  ["Processor", percent(measures?.cpu_percent)],
  ["Memory used", percent(measures?.memory_percent)],
];
