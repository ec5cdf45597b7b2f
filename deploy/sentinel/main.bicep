// What the push needs in the resource group of a Sentinel workspace: the table, a data collection rule with its own
// endpoint, the right to send to it; and what reads the table: the KQL function, the analytics rule, the hunting query.
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

@description('Name of the table; the same as push.table.')
param tableName string = 'network_beaconing_anomalies_CL'

@description('Days that rows stay in the table.')
@minValue(30)
@maxValue(730)
param retentionDays int = 180

@description('Whether the analytics rule makes incidents from the start.')
param alertsEnabled bool = true

@description('Least severity of a beacon that the analytics rule alerts of; what a feed or threat intelligence names counts as raised.')
@allowed(['low', 'medium', 'high', 'critical'])
param leastSeverity string = 'low'

@description('Must be the region of the workspace.')
param location string = resourceGroup().location

// Written by `python -m enrich.push.columns`; a test compares them with the contract of the dbt model.
var columns = loadJsonContent('columns.json')
// The table's schema writes one type differently from the rule's.
var tableColumns = map(columns, column => {
  name: column.name
  type: column.type == 'datetime' ? 'dateTime' : column.type
})
var alert = loadYamlContent('analytics_rule.yaml')
var hunt = loadYamlContent('hunting_query.yaml')
var defaultTable = 'network_beaconing_anomalies_CL'
var streamName = 'Custom-${tableName}'
// The built-in role Monitoring Metrics Publisher, which covers sending to a data collection rule.
var publisherRole = subscriptionResourceId(
  'Microsoft.Authorization/roleDefinitions',
  '3913510d-42f4-4e42-8a64-420c390055eb'
)

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' existing = {
  name: workspaceName
}

resource table 'Microsoft.OperationalInsights/workspaces/tables@2022-10-01' = {
  parent: workspace
  name: tableName
  properties: {
    plan: 'Analytics'
    retentionInDays: retentionDays
    schema: {
      name: tableName
      columns: tableColumns
    }
  }
}

resource rule 'Microsoft.Insights/dataCollectionRules@2023-03-11' = {
  name: 'network-beaconing'
  location: location
  kind: 'Direct'
  dependsOn: [table]
  properties: {
    description: 'Findings of network_beaconing'
    streamDeclarations: {
      '${streamName}': {
        columns: columns
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
    dataFlows: [
      {
        streams: [streamName]
        destinations: ['workspace']
        transformKql: 'source'
        outputStream: streamName
      }
    ]
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
resource alertRule 'Microsoft.SecurityInsights/alertRules@2024-03-01' = {
  scope: workspace
  name: alert.id
  kind: 'Scheduled'
  dependsOn: [function]
  properties: {
    displayName: alert.name
    description: alert.description
    severity: alert.severity
    enabled: alertsEnabled
    query: replace(alert.query, 'let least_severity = "low"', 'let least_severity = "${leastSeverity}"')
    queryFrequency: 'PT${toUpper(alert.queryFrequency)}'
    queryPeriod: 'P${toUpper(alert.queryPeriod)}'
    triggerOperator: 'GreaterThan'
    triggerThreshold: alert.triggerThreshold
    suppressionEnabled: false
    suppressionDuration: 'PT5H'
    tactics: alert.tactics
    techniques: alert.relevantTechniques
    entityMappings: alert.entityMappings
    customDetails: alert.customDetails
    alertDetailsOverride: alert.alertDetailsOverride
    eventGroupingSettings: alert.eventGroupingSettings
    incidentConfiguration: alert.incidentConfiguration
  }
}

@description('push.endpoint')
output logsIngestionEndpoint string = rule.properties.endpoints.logsIngestion

@description('push.rule_id')
output ruleId string = rule.properties.immutableId
