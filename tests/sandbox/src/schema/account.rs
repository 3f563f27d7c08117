//! The standard fields of Account.

/// The fields of Account, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Account ID; lookup
IsDeleted                    | boolean        | ---DFSG | label Deleted
MasterRecordId               | reference      | --N-FSG | to Account as MasterRecord
Name                         | string 255     | CU--FSG | label Account Name; info switchablepersonname; name
Type                         | picklist 40    | CUN-FSG | label Account Type; values Prospect · Customer - Direct · Customer - Channel · Channel Partner / Reseller · Installation Partner · Technology Partner · Other
ParentId                     | reference      | CUN-FSG | label Parent Account ID; to Account as Parent
BillingStreet                | textarea 255   | CUN-FSG | of BillingAddress; info plaintextarea
BillingCity                  | string 40      | CUN-FSG | of BillingAddress
BillingState                 | string 80      | CUN-FSG | label Billing State/Province; of BillingAddress
BillingPostalCode            | string 20      | CUN-FSG | label Billing Zip/Postal Code; of BillingAddress
BillingCountry               | string 80      | CUN-FSG | of BillingAddress
BillingLatitude              | double 18,15   | CUN-FS- | of BillingAddress
BillingLongitude             | double 18,15   | CUN-FS- | of BillingAddress
BillingGeocodeAccuracy       | picklist 40    | CUN-FSG | of BillingAddress; restricted; values @geocode
BillingAddress               | address        | --N-F-- |
ShippingStreet               | textarea 255   | CUN-FSG | of ShippingAddress; info plaintextarea
ShippingCity                 | string 40      | CUN-FSG | of ShippingAddress
ShippingState                | string 80      | CUN-FSG | label Shipping State/Province; of ShippingAddress
ShippingPostalCode           | string 20      | CUN-FSG | label Shipping Zip/Postal Code; of ShippingAddress
ShippingCountry              | string 80      | CUN-FSG | of ShippingAddress
ShippingLatitude             | double 18,15   | CUN-FS- | of ShippingAddress
ShippingLongitude            | double 18,15   | CUN-FS- | of ShippingAddress
ShippingGeocodeAccuracy      | picklist 40    | CUN-FSG | of ShippingAddress; restricted; values @geocode
ShippingAddress              | address        | --N-F-- |
Phone                        | phone 40       | CUN-FSG | label Account Phone
Fax                          | phone 40       | CUN-FSG | label Account Fax
AccountNumber                | string 40      | CUN-FSG |
Website                      | url 255        | CUN-FSG |
PhotoUrl                     | url 255        | --N-FSG | label Photo URL; info imageurl
Sic                          | string 20      | CUN-FSG | label SIC Code
Industry                     | picklist 40    | CUN-FSG | values @industry
AnnualRevenue                | currency 18,0  | CUN-FS- |
NumberOfEmployees            | int 8          | CUN-FSG | label Employees
Ownership                    | picklist 40    | CUN-FSG | values Public · Private · Subsidiary · Other
TickerSymbol                 | string 20      | CUN-FSG |
Description                  | textarea 32000 | CUN---- | label Account Description; info plaintextarea
Rating                       | picklist 40    | CUN-FSG | label Account Rating; values Hot · Warm · Cold
Site                         | string 80      | CUN-FSG | label Account Site
OwnerId                      | reference      | CU-DFSG | to User as Owner
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
LastActivityDate             | date           | --N-FSG | label Last Activity
LastViewedDate               | datetime       | --N-FS- |
LastReferencedDate           | datetime       | --N-FS- |
IsPartner                    | boolean        | -U-DFSG | label Partner Account; fixed
IsCustomerPortal             | boolean        | -U-DFSG | label Customer Portal Account; fixed
ChannelProgramName           | string 255     | --N---G |
ChannelProgramLevelName      | string 255     | --N---G |
Jigsaw                       | string 20      | CUN-FSG | label Data.com Key
JigsawCompanyId              | string 20      | --N-FSG |
CleanStatus                  | picklist 40    | CUN-FSG | restricted; values Matched · Different · Acknowledged · NotFound · Inactive · Pending · SelectMatch · Skipped
AccountSource                | picklist 40    | CUN-FSG | values Web · Phone Inquiry · Partner Referral · Purchased List · Other
DunsNumber                   | string 9       | CUN-FSG | label D-U-N-S Number
Tradestyle                   | string 255     | CUN-FSG |
NaicsCode                    | string 8       | CUN-FSG | label NAICS Code
NaicsDesc                    | string 120     | CUN-FSG | label NAICS Description
YearStarted                  | string 4       | CUN-FSG |
SicDesc                      | string 80      | CUN-FSG | label SIC Description
DandbCompanyId               | reference      | CUN-FSG | label D&B Company ID; to DandBCompany as DandbCompany
OperatingHoursId             | reference      | CUN-FSG | label Operating Hour ID; to OperatingHours as OperatingHours
";
