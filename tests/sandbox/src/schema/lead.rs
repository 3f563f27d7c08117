//! The standard fields of Lead.

/// The fields of Lead, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Lead ID; lookup
IsDeleted                    | boolean        | ---DFSG | label Deleted
MasterRecordId               | reference      | --N-FSG | to Lead as MasterRecord
LastName                     | string 80      | CU--FSG | of Name; info personname
FirstName                    | string 40      | CUN-FSG | of Name; info personname
Salutation                   | picklist 40    | CUN-FSG | of Name; info personname; values Mr. · Ms. · Mrs. · Dr. · Prof. · Mx.
Name                         | string 121     | ----FSG | label Full Name; info personname; name
Title                        | string 128     | CUN-FSG |
Company                      | string 255     | CU--FSG |
Street                       | textarea 255   | CUN-FSG | of Address; info plaintextarea
City                         | string 40      | CUN-FSG | of Address
State                        | string 80      | CUN-FSG | label State/Province; of Address
PostalCode                   | string 20      | CUN-FSG | label Zip/Postal Code; of Address
Country                      | string 80      | CUN-FSG | of Address
Latitude                     | double 18,15   | CUN-FS- | of Address
Longitude                    | double 18,15   | CUN-FS- | of Address
GeocodeAccuracy              | picklist 40    | CUN-FSG | of Address; restricted; values @geocode
Address                      | address        | --N-F-- |
Phone                        | phone 40       | CUN-FSG |
MobilePhone                  | phone 40       | CUN-FSG |
Fax                          | phone 40       | CUN-FSG |
Email                        | email 80       | CUN-FSG | lookup
Website                      | url 255        | CUN-FSG |
PhotoUrl                     | url 255        | --N-FSG | label Photo URL; info imageurl
Description                  | textarea 32000 | CUN---- | info plaintextarea
LeadSource                   | picklist 255   | CUN-FSG | values Web · Phone Inquiry · Partner Referral · Purchased List · Other
Status                       | picklist 255   | CU-DFSG | values Open - Not Contacted* · Working - Contacted · Closed - Converted · Closed - Not Converted
Industry                     | picklist 255   | CUN-FSG | values @industry
Rating                       | picklist 255   | CUN-FSG | values Hot · Warm · Cold
AnnualRevenue                | currency 18,0  | CUN-FS- |
NumberOfEmployees            | int 8          | CUN-FSG | label Employees
OwnerId                      | reference      | CU-DFSG | to Group,User as Owner
HasOptedOutOfEmail           | boolean        | CU-DFSG | label Email Opt Out
DoNotCall                    | boolean        | CU-DFSG | label Do Not Call
IsConverted                  | boolean        | C--DFSG | label Converted; fixed
ConvertedDate                | date           | --N-FSG |
ConvertedAccountId           | reference      | --N-FSG | to Account as ConvertedAccount
ConvertedContactId           | reference      | --N-FSG | to Contact as ConvertedContact
ConvertedOpportunityId       | reference      | --N-FSG | to Opportunity as ConvertedOpportunity
IsUnreadByOwner              | boolean        | CU-DFSG | label Unread By Owner; fixed
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
LastActivityDate             | date           | --N-FSG | label Last Activity
LastViewedDate               | datetime       | --N-FS- |
LastReferencedDate           | datetime       | --N-FS- |
Jigsaw                       | string 20      | CUN-FSG | label Data.com Key
JigsawContactId              | string 20      | --N-FSG |
CleanStatus                  | picklist 40    | CUN-FSG | restricted; values Matched · Different · Acknowledged · NotFound · Inactive · Pending · SelectMatch · Skipped
CompanyDunsNumber            | string 9       | CUN-FSG | label Company D-U-N-S Number
DandbCompanyId               | reference      | CUN-FSG | label D&B Company ID; to DandBCompany as DandbCompany
EmailBouncedReason           | string 255     | -UN-FSG | fixed
EmailBouncedDate             | datetime       | -UN-FS- | fixed
IndividualId                 | reference      | CUN-FSG | to Individual as Individual; fixed
";
