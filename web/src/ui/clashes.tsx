/** The report of clashes: which rules overlap, and to whom the frames belong. */

import type { ClashReport } from "../api/types.ts";
import { counted } from "../model/naming.ts";

export function Clashes({ report }: { report: ClashReport }) {
  const { clashes, whole } = report;
  return (
    <div class="plan" role="status" id="clashes">
      <p>
        <b>
          {clashes.length === 0 ? "Nothing clashes" : counted(clashes.length, "clash", "clashes")}
        </b>
        {!whole && ", and there are more"}
      </p>
      <ul class="entries">
        {clashes.map((one) => (
          <li key={JSON.stringify([one.first, one.second, one.match])}>
            <span>
              <b>
                {one.first.slice} (rule {one.first.rule})
              </b>{" "}
              {WORDS[one.kind] ?? one.kind}{" "}
              <b>
                {one.second.slice} (rule {one.second.rule})
              </b>
            </span>
            <code>
              {Object.entries(one.match)
                .map(([name, value]) => `${name}=${value}`)
                .join(" ") || "all frames"}
            </code>
          </li>
        ))}
      </ul>
    </div>
  );
}

const WORDS: Record<string, string> = {
  owned: "has the frames that would also be of",
  seen: "shares what is seen with",
  passed_on: "was given what was of",
};
