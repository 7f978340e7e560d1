/** A Xen host, or a router on one. */

import type { Domain } from "../api/types.ts";
import { memory } from "../model/naming.ts";
import type { World } from "../model/world.ts";
import { DomainSettings } from "./domain_settings.tsx";
import { MovedRouter, MoveRouter } from "./move_router.tsx";
import { Facts } from "./parts.tsx";

export function XenPart({ id, world }: { id: string; world: World }) {
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
      <MoveRouter key={id} host={hostName} domain={domain.name} />
      <DomainSettings key={`${id} settings`} host={host} domain={domain} />
    </>
  );
}
