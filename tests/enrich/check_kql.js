// Parses and analyses KQL with Microsoft's own language service, against the table's columns.
//
//   npm install --no-save @kusto/language-service-next
//   node tests/enrich/check_kql.js < queries.json
//
// In: {"columns": [{name, type}], "function": "body", "tables": {"other table": "name: type, …"}, "queries": {"name": "text"}}. Out: complaints, one a line.
const fs = require("fs");
const vm = require("vm");

// The package is written for browsers: its scripts share one global scope.
for (const script of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  const file = require.resolve(`@kusto/language-service-next/${script}`);
  vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
}
const { Symbols, KustoCode, GlobalState } = Kusto.Language;

const input = JSON.parse(fs.readFileSync(0, "utf8"));
const schema = input.columns.map(({ name, type }) => `${name}: ${type === "boolean" ? "bool" : type}`).join(", ");
const table = Symbols.TableSymbol.From(`(${schema})`).WithName("network_beaconing_anomalies_CL");
const beaconing = new Symbols.FunctionSymbol.$ctor11("NetworkBeaconing", `{ ${input.function}\n}`, []);
const others = Object.entries(input.tables || {}).map(([name, text]) => Symbols.TableSymbol.From(`(${text})`).WithName(name));
const database = new Symbols.DatabaseSymbol.ctor("workspace", [table, beaconing, ...others]);
const globals = GlobalState.Default.WithDatabase(database);

for (const [name, text] of Object.entries({ NetworkBeaconing: input.function, ...input.queries })) {
  for (const problem of Bridge.toArray(KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics())) {
    console.log(`${name}: ${problem.Severity} ${problem.Message} (${text.slice(problem.Start, problem.End)})`);
  }
}
