/** The measures of a node, asked for while it is selected; the page remembers its throughput. */

import { useEffect, useState } from "preact/hooks";
import type { Measures } from "../api/types.ts";
import { usePage } from "./context.tsx";

const AGAIN_MS = 5_000;

/** Return the newest measures of a node; null while there are none. Nobody is asked twice in vain. */
export function useMeasures(node: string, isAsked = true): Measures | null {
  const { client, histories } = usePage();
  const [measures, setMeasures] = useState<Measures | null>(null);
  useEffect(() => {
    const read = async () => {
      const { body } = await client.get<Measures>(`/v1/nodes/${encodeURIComponent(node)}/measures`);
      histories.note(node, { at: performance.now() / 1000, ...body.throughput_bps });
      setMeasures(body);
    };
    let timer: ReturnType<typeof setInterval> | undefined;
    const again = () => void read().catch(() => clearInterval(timer));
    if (isAsked) {
      timer = setInterval(again, AGAIN_MS);
      again();
    }
    return () => clearInterval(timer);
  }, [client, histories, node, isAsked]);
  return measures;
}
