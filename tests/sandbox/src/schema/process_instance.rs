//! The fields of ProcessInstance, which says which records wait to be approved.

/// The fields of ProcessInstance, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Process Instance ID; lookup
TargetObjectId               | reference      | ----FSG | label Target Object ID; to Account,Contact,Lead,Opportunity as TargetObject
Status                       | picklist 40    | ----FSG | restricted; values Approved · Rejected · Removed · Fault · Pending · Hold · Reassigned · Started · NoResponse
CompletedDate                | datetime       | --N-FS- | label Completed Date
LastActorId                  | reference      | --N-FSG | label Last Actor; to User as LastActor
SubmittedById                | reference      | --N-FSG | label Submitted By; to User as SubmittedBy
IsDeleted                    | boolean        | ---DFSG | label Deleted
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
";
