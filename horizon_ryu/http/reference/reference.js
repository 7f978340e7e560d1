// The reference of the REST API, made in the browser of the document that the controller serves.
// Texts are only ever set as text: nothing of the document becomes markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const MOST_DEPTH = 12;
const byId = (id) => document.getElementById(id);

function element(name, content = [], attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
}


function typeOf(api, schema, depth = 0) {
  if (schema === true || schema === undefined) return "anything";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms && depth < MOST_DEPTH) {
    return [...new Set(forms.map((one) => typeOf(api, one, depth + 1)))].join(" | ");
  }
  if (schema.type === "array") return `list of ${typeOf(api, schema.items, depth + 1)}`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object") {
    return `map of ${typeOf(api, schema.additionalProperties, depth + 1)}`;
  }
  return [schema.type ?? "anything"].flat().join(" | ");
}

function limits(schema) {
  const told = [];
  if (schema.minimum !== undefined) told.push(`≥ ${schema.minimum}`);
  if (schema.maximum !== undefined) told.push(`≤ ${schema.maximum}`);
  if (schema.maxLength !== undefined) told.push(`at most ${schema.maxLength} characters`);
  if (schema.maxItems !== undefined) told.push(`at most ${schema.maxItems}`);
  if (schema.pattern && !schema.description) told.push(schema.pattern);
  if (schema.default !== undefined) told.push(`default ${JSON.stringify(schema.default)}`);
  return told.join(", ");
}

function rowsOf(fields) {
  const rows = fields.map(([name, type, needed, text]) => element("tr", [
    element("td", element("code", name)), element("td", type),
    element("td", needed ? "needed" : ""), element("td", text),
  ]));
  const heads = ["Name", "Type", "", "Meaning"].map((text) => element("th", text));
  return element("table", [element("thead", element("tr", heads)), element("tbody", rows)]);
}

function fieldsOf(api, schema) {
  const needed = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).map(([name, field]) => [
    name, typeOf(api, field), needed.has(name),
    [field.description, limits(field)].filter(Boolean).join(" · "),
  ]);
}

function schemasOf(schema, depth = 0) {
  if (schema === null || typeof schema !== "object" || depth > MOST_DEPTH) return [];
  const own = schema.$ref ? [schema.$ref.split("/").pop()] : [];
  return own.concat(Object.values(schema).flatMap((one) => schemasOf(one, depth + 1)));
}

function modelsOf(api, schema) {
  const found = new Map();
  const look = (name) => {
    if (found.has(name)) return;
    const model = api.components.schemas[name];
    found.set(name, model);
    schemasOf(model).forEach(look);
  };
  schemasOf(schema).forEach(look);
  return found;
}

function bodyOf(api, title, content) {
  const [type, described] = Object.entries(content ?? {})[0] ?? [];
  if (!type) return [];
  const parts = [element("p", `${title}: ${Object.keys(content).join(", ")}`)];
  const direct = described.schema ?? {};
  if (!direct.$ref && direct.properties) parts.push(rowsOf(fieldsOf(api, direct)));
  for (const [name, model] of modelsOf(api, direct)) {
    parts.push(element("h4", name));
    if (model.description) parts.push(element("p", model.description));
    const fields = fieldsOf(api, model);
    parts.push(fields.length ? rowsOf(fields) : element("p", typeOf(api, model)));
  }
  return parts;
}

function curlOf(path, method, operation) {
  const body = operation.requestBody ? ` -H 'Content-Type: application/json' -d '{…}'` : "";
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  return element("pre", `curl${verb}${body} ${location.origin}${path}`);
}

function detailsOf(api, path, method, operation) {
  const parts = [curlOf(path, method, operation)];
  if (operation.description) parts.push(element("p", operation.description));
  const parameters = (operation.parameters ?? []).map((one) => [
    `${one.name} (${one.in})`, typeOf(api, one.schema), one.required,
    [one.description, limits(one.schema ?? {})].filter(Boolean).join(" · "),
  ]);
  if (parameters.length) parts.push(element("h3", "Parameters"), rowsOf(parameters));
  parts.push(...bodyOf(api, "Body", operation.requestBody?.content));
  for (const [status, answer] of Object.entries(operation.responses)) {
    const told = answer.$ref ? answer.$ref.split("/").pop() : answer.description ?? "";
    const title = `${status} ${told}`;
    const shown = answer.$ref ? [] : bodyOf(api, "Answer", answer.content);
    parts.push(element("details", [element("summary", title), ...shown]));
  }
  return parts;
}

function operationElement(api, path, method, operation) {
  const summary = element("summary", [
    element("b", method.toUpperCase()), " ", element("code", path), " ",
    element("span", operation.summary ?? ""),
  ]);
  const id = `${method}:${path}`;
  const made = element("details", summary, { id });
  made.dataset.words = [path, method, operation.summary, ...(operation.tags ?? [])]
    .join(" ").toLowerCase();
  // What is inside is made when somebody looks: the whole document has thousands of rows.
  made.addEventListener("toggle", () => {
    if (made.open && made.children.length === 1) {
      made.append(...detailsOf(api, path, method, operation));
    }
  });
  return made;
}

function show(api) {
  byId("version").textContent = api.info.version;
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => one in item)) {
      const tag = item[method].tags?.[0] ?? "horizon";
      groups.set(tag, [...(groups.get(tag) ?? []), [path, method, item[method]]]);
    }
  }
  const tags = [...groups.keys()].sort();
  byId("tags").replaceChildren(...tags.map((tag) => element("a", tag, { href: `#tag-${tag}` })));
  byId("operations").replaceChildren(...tags.map((tag) => element("section", [
    element("h2", tag, { id: `tag-${tag}` }),
    ...groups.get(tag).map((one) => operationElement(api, ...one)),
  ])));
}

function find() {
  const words = byId("find").value.toLowerCase().split(/\s+/);
  for (const section of byId("operations").querySelectorAll("section")) {
    const operations = [...section.querySelectorAll("details[data-words]")];
    for (const one of operations) {
      one.hidden = !words.every((word) => one.dataset.words.includes(word));
    }
    section.hidden = operations.every((one) => one.hidden);
  }
}

async function read() {
  const token = sessionStorage.getItem("horizon.token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch("/v1/openapi.json", { headers });
  byId("login").hidden = answer.ok;
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    byId("operations").textContent = "";
    byId("trouble").textContent = token ? problem.detail ?? answer.statusText : "";
    return;
  }
  show(await answer.json());
  find();
}

byId("find").addEventListener("input", find);
byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("horizon.token", byId("token").value);
  read();
});
read().catch((error) => { byId("operations").textContent = `Not read: ${error.message}`; });
