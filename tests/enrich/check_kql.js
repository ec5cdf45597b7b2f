// Parses and analyses KQL with Microsoft's own language service, against the table's columns.
//
//   npm install --no-save @kusto/language-service-next
//   node tests/enrich/check_kql.js < queries.json
//
// In: {"tables": {"name": [{name, type}]}, "function": "body", "queries": {"name": "text"}}. Out: complaints, one a line.
const fs = require("fs");
const vm = require("vm");

// The package is written for browsers: its scripts share one global scope.
for (const script of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  const file = require.resolve(`@kusto/language-service-next/${script}`);
  vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
}
const { Symbols, KustoCode, GlobalState } = Kusto.Language;

const input = JSON.parse(fs.readFileSync(0, "utf8"));
const typed = ({ name, type }) => `${name}: ${type === "boolean" ? "bool" : type}`;
const tables = Object.entries(input.tables).map(([name, columns]) =>
  Symbols.TableSymbol.From(`(${columns.map(typed).join(", ")})`).WithName(name),
);
const beaconing = new Symbols.FunctionSymbol.$ctor11("NetworkBeaconing", `{ ${input.function}\n}`, []);
const database = new Symbols.DatabaseSymbol.ctor("workspace", [...tables, beaconing]);
const globals = GlobalState.Default.WithDatabase(database);

for (const [name, text] of Object.entries({ NetworkBeaconing: input.function, ...input.queries })) {
  for (const problem of Bridge.toArray(KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics())) {
    console.log(`${name}: ${problem.Severity} ${problem.Message} (${text.slice(problem.Start, problem.End)})`);
  }
}
