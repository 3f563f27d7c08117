//! The standard fields of Organization.

/// The fields of Organization, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Organization ID; lookup
Name                         | string 80      | -U--FSG | name
Division                     | string 80      | -UN-FSG |
Street                       | textarea 255   | -UN-FSG | of Address; info plaintextarea
City                         | string 40      | -UN-FSG | of Address
State                        | string 80      | -UN-FSG | label State/Province; of Address
PostalCode                   | string 20      | -UN-FSG | label Zip/Postal Code; of Address
Country                      | string 80      | -UN-FSG | of Address
Latitude                     | double 18,15   | -UN-FS- | of Address
Longitude                    | double 18,15   | -UN-FS- | of Address
GeocodeAccuracy              | picklist 40    | -UN-FSG | of Address; restricted; values @geocode
Address                      | address        | --N-F-- |
Phone                        | phone 40       | -UN-FSG |
Fax                          | phone 40       | -UN-FSG |
PrimaryContact               | string 80      | -UN-FSG |
DefaultLocaleSidKey          | picklist 40    | -U--FSG | label Locale; restricted; values en_US · en_GB · de_DE · fr_FR
TimeZoneSidKey               | picklist 40    | -U--FSG | label Time Zone; restricted; values @time_zone
LanguageLocaleKey            | picklist 40    | -U--FSG | label Language; restricted; values en_US · de · fr
ReceivesInfoEmails           | boolean        | -U-DFSG | label Info Emails
ReceivesAdminInfoEmails      | boolean        | -U-DFSG | label Info Emails Admin
FiscalYearStartMonth         | int 9          | -U--FSG |
UsesStartDateAsFiscalYearName | boolean        | -U-DFSG | label Fiscal Year Name by Start
DefaultAccountAccess         | picklist 40    | --N-FSG | restricted; values None · Read · Edit · ControlledByParent
DefaultContactAccess         | picklist 40    | --N-FSG | restricted; values None · Read · Edit · ControlledByParent
DefaultOpportunityAccess     | picklist 40    | --N-FSG | restricted; values None · Read · Edit · ControlledByParent
DefaultLeadAccess            | picklist 40    | --N-FSG | restricted; values None · Read · Edit · ReadEditTransfer
SystemModstamp               | datetime       | ---DFS- |
UiSkin                       | picklist 40    | -UN-FSG | restricted; values Theme3 · Theme4
TrialExpirationDate          | datetime       | --N-FS- |
OrganizationType             | picklist 40    | --N-FSG | label Edition; restricted; values Developer Edition · Enterprise Edition · Unlimited Edition
NamespacePrefix              | string 15      | --N-FSG |
InstanceName                 | string 5       | --N-FSG |
IsSandbox                    | boolean        | ---DFSG |
IsReadOnly                   | boolean        | ---DFSG |
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
";
