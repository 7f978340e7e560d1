/** The part of the network that forwards a virtual network's traffic, asked for while it is selected. */

import { useEffect, useState } from "preact/hooks";
import type { Topology } from "../api/types.ts";
import { idsOf } from "../model/flowspace.ts";
import { fromSnapshot, type Network } from "../model/network.ts";
import { asProblem, usePage, useWorld } from "./context.tsx";

export function useOverlaid(name: string): { part: Network | null; refused: string | null } {
  const { client, view } = usePage();
  const { network } = useWorld();
  const [part, setPart] = useState<Network | null>(null);
  const [refused, setRefused] = useState<string | null>(null);
  const selected = `network:${name}`;
  useEffect(() => {
    let current = true;
    client
      .get<Topology>(`/v1/topology?network=${encodeURIComponent(name)}`)
      .then(({ body }) => {
        if (!current || view.get().selected !== selected) return;
        const found = fromSnapshot(body);
        setPart(found);
        setRefused(null);
        view.set({ overlay: idsOf(found) });
      })
      .catch((error: unknown) => current && setRefused(asProblem(error).message));
    return () => {
      current = false;
    };
  }, [client, name, network]);
  return { part, refused };
}
