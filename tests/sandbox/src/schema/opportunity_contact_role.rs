//! The standard fields of OpportunityContactRole.

/// The fields of OpportunityContactRole, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Contact Role ID; lookup
OpportunityId                | reference      | C---FSG | to Opportunity as Opportunity
ContactId                    | reference      | CU--FSG | to Contact as Contact
Role                         | picklist 40    | CUN-FSG | values Business User · Decision Maker · Economic Buyer · Economic Decision Maker · Evaluator · Executive Sponsor · Influencer · Technical Buyer · Other; fixed
IsPrimary                    | boolean        | CU-DFSG | label Primary; fixed
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
IsDeleted                    | boolean        | ---DFSG | label Deleted
";
