// Checks the workflows for the forge with actionlint: their keys, types, expressions, and the order of their jobs.
//
// Comes in: paths of workflows, and the variable TOOLS, the folder in which actionlint is installed. Goes out: a line
// for each mistake, and the status 1 if there is one.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const tools = createRequire(pathToFileURL(`${process.env.TOOLS}/`));
const { createLinter } = tools("actionlint");
const lint = await createLinter();
const paths = process.argv.slice(2);

let mistakes = 0;
for (const path of paths) {
  for (const { line, column, message, kind } of lint(await readFile(path, "utf8"), path)) {
    console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
    mistakes += 1;
  }
}
console.log(`${paths.length} workflows checked`);
process.exit(mistakes > 0 || paths.length === 0 ? 1 : 0);
