// Instead of the analytics rule, where alerts are made by Microsoft Defender: custom detections, one for each severity of an
// alert, because a custom detection has only one. They are disabled until somebody enables them.
//
//   az deployment group create --resource-group soc-rg --template-file deploy/defender/custom_detection.bicep
//
// Never deployed and never compiled: extension and resource type are a preview.
extension MicrosoftSecurity

@description('Name of the table of the findings; the same as push.table.')
param tableName string = 'network_beaconing_anomalies_CL'

@description('Whether the rules run.')
@allowed(['enabled', 'disabled'])
param status string = 'disabled'

var defaultTable = 'network_beaconing_anomalies_CL'
var allSeverities = 'let severities = dynamic(["low", "medium", "high", "critical"])'
var levels = [
  { severity: 'high', of: 'let severities = dynamic(["high", "critical"])' }
  { severity: 'medium', of: 'let severities = dynamic(["medium"])' }
  { severity: 'low', of: 'let severities = dynamic(["low"])' }
]

resource detection 'Microsoft.Security/detectionRules@2026-06-01-preview' = [for level in levels: {
  id: 'network-beaconing-${level.severity}'
  displayName: 'Beaconing, ${level.severity}'
  status: status
  queryCondition: {
    queryText: replace(
      replace(loadTextContent('custom_detection.kql'), defaultTable, tableName),
      allSeverities,
      level.of
    )
  }
  // Once a day it sees 30 days; more often, it would see only hours.
  schedule: {
    frequency: 'PT24H'
  }
  detectionAction: {
    alertTemplate: {
      title: '{{Title}}'
      description: '{{Why}}'
      severity: level.severity
      tactics: [
        {
          tactic: 'CommandAndControl'
          techniques: [
            {
              technique: 'T1071'
            }
          ]
        }
      ]
      customDetails: {
        BeaconId: 'BeaconId'
        Severity: 'Worst'
        WhyNow: 'WhyNow'
        KnownBad: 'KnownBad'
        SecondsBetween: 'Every'
        Day: 'EndDate'
      }
      // Defender groups alerts that share an entity into one incident: hosts that reach one destination, or one host.
      entityMappings: {
        ips: [
          { id: 'source', addressColumn: 'SourceIP' }
          { id: 'destination', addressColumn: 'DestinationIP' }
        ]
        hosts: [
          { id: 'host', nameColumn: 'HostName', dnsDomainColumn: 'DnsDomain' }
        ]
        accounts: [
          { id: 'account', nameColumn: 'AccountName', ntDomainColumn: 'NTDomain', upnSuffixColumn: 'UPNSuffix' }
        ]
        dns: [
          { id: 'name', domainNameColumn: 'DestinationName' }
        ]
      }
    }
  }
}]
