// What the push needs in the resource group of a Sentinel workspace: two tables, a data collection rule with its own
// endpoint, the right to send to it; what reads the tables: the KQL function, the analytics rules, the hunting query, the
// workbook; and a watchlist.
//
//   az deployment group create --resource-group soc-rg --template-file deploy/sentinel/main.bicep \
//     --parameters workspaceName=soc-ws senderObjectId=<object id of the managed identity or app that runs the push>

@description('The Log Analytics workspace that Sentinel uses, in this resource group.')
param workspaceName string

@description('Object id of the identity that pushes: a managed identity or the service principal of an app.')
param senderObjectId string

@description('Kind of that identity.')
@allowed(['ServicePrincipal', 'User', 'Group'])
param senderType string = 'ServicePrincipal'

@description('Name of the table of the findings; the same as push.table.')
param tableName string = 'network_beaconing_anomalies_CL'

@description('Name of the table of the runs; the same as push.runs_table.')
param runsTableName string = 'network_beaconing_runs_CL'

@description('Days that rows stay in the tables.')
@minValue(30)
@maxValue(730)
param retentionDays int = 180

@description('Whether the analytics rules make incidents from the start.')
param alertsEnabled bool = true

@description('Least severity of a beacon that the analytics rule alerts of; what a feed or threat intelligence names counts as raised.')
@allowed(['low', 'medium', 'high', 'critical'])
param leastSeverity string = 'low'

@description('Must be the region of the workspace.')
param location string = resourceGroup().location

// Written by `python -m enrich.push.columns`; a test compares them with the contracts of the dbt models.
var columns = loadJsonContent('columns.json')
var runsColumns = loadJsonContent('runs_columns.json')
var tables = [
  { name: tableName, columns: columns }
  { name: runsTableName, columns: runsColumns }
]
var alerts = [
  loadYamlContent('analytics_rule.yaml')
  loadYamlContent('no_run_rule.yaml')
  loadYamlContent('few_lines_rule.yaml')
]
var hunt = loadYamlContent('hunting_query.yaml')
var defaultTable = 'network_beaconing_anomalies_CL'
var defaultRunsTable = 'network_beaconing_runs_CL'
// The built-in role Monitoring Metrics Publisher, which covers sending to a data collection rule.
var publisherRole = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '3913510d-42f4-4e42-8a64-420c390055eb'
)

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2022-10-01' = [for entry in tables: {
  parent: workspace
  name: entry.name
  properties: {
    plan: 'Analytics'
    retentionInDays: retentionDays
    schema: {
      name: entry.name
      // The table's schema writes one type differently from the rule's.
      columns: map(entry.columns, column => {
        name: column.name
        type: column.type == 'datetime' ? 'dateTime' : column.type
      })
    }
  }
}]

resource rule 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'network-beaconing'
  location: location
  kind: 'Direct'
  dependsOn: [table]
  properties: {
    description: 'Findings and runs of network_beaconing'
    streamDeclarations: {
      'Custom-${tableName}': {
        columns: columns
      }
      'Custom-${runsTableName}': {
        columns: runsColumns
      }
    }
    destinations: {
      logAnalytics: [
        {
          name: 'workspace'
          workspaceResourceId: workspace.id
        }
      ]
    }
    dataFlows: [for entry in tables: {
      streams: ['Custom-${entry.name}']
      destinations: ['workspace']
      transformKql: 'source'
      outputStream: 'Custom-${entry.name}'
    }]
  }
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(rule.id, senderObjectId, publisherRole)
  scope: rule
  properties: {
    principalId: senderObjectId
    principalType: senderType
    roleDefinitionId: publisherRole
  }
}

resource function 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: 'network-beaconing'
  etag: '*' // a second deployment replaces it
  dependsOn: [table]
  properties: {
    category: 'network_beaconing'
    displayName: 'NetworkBeaconing'
    functionAlias: 'NetworkBeaconing'
    query: replace(loadTextContent('network_beaconing.kql'), defaultTable, tableName)
    version: 2
  }
}

resource huntingQuery 'Microsoft.OperationalInsights/workspaces/savedSearches@2020-08-01' = {
  parent: workspace
  name: hunt.id
  etag: '*'
  dependsOn: [function]
  properties: {
    category: 'Hunting Queries'
    displayName: hunt.name
    query: hunt.query
    version: 2
    tags: [
      { name: 'description', value: hunt.description }
      { name: 'tactics', value: join(hunt.tactics, ',') }
      { name: 'techniques', value: join(hunt.relevantTechniques, ',') }
    ]
  }
}

// Sentinel checks the query, and may take some minutes to see a new function: if this alone fails, deploy again.
resource alertRule 'Microsoft.SecurityInsights/alertRules@2024-03-01' = [for alert in alerts: {
  scope: workspace
  name: alert.id
  kind: 'Scheduled'
  dependsOn: [function]
  properties: {
    displayName: alert.name
    description: alert.description
    severity: alert.severity
    enabled: alertsEnabled
    query: replace(
      replace(alert.query, defaultRunsTable, runsTableName),
      'let least_severity = "low"',
      'let least_severity = "${leastSeverity}"'
    )
    queryFrequency: 'PT${toUpper(alert.queryFrequency)}'
    queryPeriod: 'P${toUpper(alert.queryPeriod)}'
    triggerOperator: 'GreaterThan'
    triggerThreshold: alert.triggerThreshold
    suppressionEnabled: alert.suppressionEnabled
    suppressionDuration: 'PT${toUpper(alert.suppressionDuration)}'
    tactics: alert.tactics
    techniques: alert.relevantTechniques
    entityMappings: alert.entityMappings
    customDetails: alert.customDetails
    alertDetailsOverride: alert.alertDetailsOverride
    eventGroupingSettings: alert.eventGroupingSettings
    incidentConfiguration: alert.incidentConfiguration
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'network-beaconing')
  location: location
  kind: 'shared'
  dependsOn: [function]
  properties: {
    category: 'sentinel'
    displayName: 'Beaconing'
    serializedData: replace(loadTextContent('workbook.json'), defaultRunsTable, runsTableName)
    sourceId: workspace.id
    version: 'Notebook/1.0'
  }
}

// A watchlist for suppressions, with an example: `python -m enrich suppress-from` reads what stands in it.
resource watchlist 'Microsoft.SecurityInsights/watchlists@2024-03-01' = {
  scope: workspace
  name: 'network_beaconing_suppressions'
  properties: {
    displayName: 'Known harmless beacons'
    description: 'Rows for the seed suppressions of network_beaconing'
    provider: 'network_beaconing'
    source: 'Local file'
    itemsSearchKey: 'destination_network'
    contentType: 'text/csv'
    numberOfLinesToSkip: 0
    rawContent: loadTextContent('watchlist.csv')
  }
}

@description('push.endpoint')
output logsIngestionEndpoint string = rule.properties.endpoints.logsIngestion

@description('push.rule_id')
output ruleId string = rule.properties.immutableId
