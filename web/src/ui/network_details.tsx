/** A virtual network: what it is of, and how much of the network forwards for it. */

import { command } from "../actions/equivalents.ts";
import type { VirtualNetwork } from "../api/types.ts";
import { usePage } from "./context.tsx";
import { useOverlaid } from "./overlay.ts";
import { Equivalents, Facts, Fault } from "./parts.tsx";

export function NetworkPart({ one }: { one: VirtualNetwork }) {
  const { hasToken } = usePage();
  const { part, refused } = useOverlaid(one.name);
  const { vlan, ip } = one.definition;
  return (
    <>
      <h2>Virtual network {one.name}</h2>
      <Facts
        facts={[
          ["Traffic", vlan === undefined ? `to and from ${ip}` : `of VLAN ${vlan}`],
          ["Switches", part?.switches.size ?? "…"],
          ["Stations", part?.stations.size ?? "…"],
        ]}
      />
      <p class="note">The picture shows what forwards its traffic.</p>
      <Fault words={refused === null ? [] : [refused]} />
      <Equivalents
        request={{ method: "GET", path: `/v1/topology?network=${encodeURIComponent(one.name)}` }}
        command={command("topology", "--network", one.name)}
        hasToken={hasToken()}
      />
    </>
  );
}
