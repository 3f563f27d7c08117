//! The standard fields of Opportunity.

/// The fields of Opportunity, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Opportunity ID; lookup
IsDeleted                    | boolean        | ---DFSG | label Deleted
AccountId                    | reference      | CUN-FSG | to Account as Account
IsPrivate                    | boolean        | CU-DFSG | label Private
Name                         | string 120     | CU--FSG | name; lookup
Description                  | textarea 32000 | CUN---- | info plaintextarea
StageName                    | picklist 255   | CU--FSG | label Stage; values Prospecting · Qualification · Needs Analysis · Value Proposition · Id. Decision Makers · Perception Analysis · Proposal/Price Quote · Negotiation/Review · Closed Won · Closed Lost
Amount                       | currency 18,2  | CUN-FS- |
Probability                  | percent 3,0    | CUNDFS- | label Probability (%)
ExpectedRevenue              | currency 18,2  | --N-FS- | label Expected Amount; secured
TotalOpportunityQuantity     | double 18,2    | CUN-FS- | label Quantity
CloseDate                    | date           | CU--FSG |
Type                         | picklist 255   | CUN-FSG | label Opportunity Type; values Existing Customer - Upgrade · Existing Customer - Replacement · Existing Customer - Downgrade · New Customer
NextStep                     | string 255     | CUN-FSG |
LeadSource                   | picklist 255   | CUN-FSG | values Web · Phone Inquiry · Partner Referral · Purchased List · Other
IsClosed                     | boolean        | ---DFSG | label Closed
IsWon                        | boolean        | ---DFSG | label Won
ForecastCategory             | picklist 40    | ----FSG | restricted; values Omitted · Pipeline · BestCase · MostLikely · Forecast · Closed
ForecastCategoryName         | picklist 255   | CUNDFSG | label Forecast Category; restricted; values Omitted · Pipeline · Best Case · Commit · Closed; fixed
CampaignId                   | reference      | CUN-FSG | to Campaign as Campaign
HasOpportunityLineItem       | boolean        | ---DFSG | label Has Line Item
Pricebook2Id                 | reference      | CUNDFSG | label Price Book ID; to Pricebook2 as Pricebook2; fixed
OwnerId                      | reference      | CU-DFSG | to User as Owner
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
LastActivityDate             | date           | --N-FSG | label Last Activity
LastStageChangeDate          | datetime       | --N-FS- |
FiscalQuarter                | int 8          | --N-FSG | of Fiscal
FiscalYear                   | int 8          | --N-FSG | of Fiscal
Fiscal                       | string 6       | --N-FSG | label Fiscal Period
ContactId                    | reference      | C-N-FSG | to Contact; fixed
LastViewedDate               | datetime       | --N-FS- |
LastReferencedDate           | datetime       | --N-FS- |
HasOpenActivity              | boolean        | ---D--G |
HasOverdueTask               | boolean        | ---D--G |
LastAmountChangedHistoryId   | reference      | --N-FSG | label Opportunity History ID; to OpportunityHistory as LastAmountChangedHistory
LastCloseDateChangedHistoryId | reference      | --N-FSG | label Opportunity History ID; to OpportunityHistory as LastCloseDateChangedHistory
";
