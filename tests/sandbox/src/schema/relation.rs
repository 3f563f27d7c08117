//! The standard fields of TaskRelation and EventRelation, and what activities have with them.

/// The fields of TaskRelation, in the order describe lists them.
pub(super) const OF_TASK: &str = "
Id                           | id             | ---DFSG | label Task Relation ID; lookup
RelationId                   | reference      | C---FSG | label Relation ID; to Account,Campaign,Case,Contact,Contract,Lead,Opportunity as Relation
TaskId                       | reference      | C---FSG | label Task ID; to Task as Task
IsWhat                       | boolean        | ---DFSG |
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
IsDeleted                    | boolean        | ---DFSG | label Deleted
";

/// The fields of EventRelation, in the order describe lists them.
pub(super) const OF_EVENT: &str = "
Id                           | id             | ---DFSG | label Event Relation ID; lookup
RelationId                   | reference      | C---FSG | label Relation ID; to Account,Calendar,Campaign,Case,Contact,Contract,Lead,Opportunity,User as Relation
EventId                      | reference      | C---FSG | label Event ID; to Event as Event
Status                       | picklist 40    | CUN-FSG | restricted; values New · Declined · Accepted · Uninvited · Maybe; fixed
RespondedDate                | datetime       | CUN-FS- | label Response Date; fixed
Response                     | string 255     | CUN-FSG | label Comment; fixed
IsWhat                       | boolean        | ---DFSG |
IsParent                     | boolean        | C--DFSG | fixed
IsInvitee                    | boolean        | C--DFSG | fixed
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
IsDeleted                    | boolean        | ---DFSG | label Deleted
";

/// The fields that activities have where they are shared.
pub(super) const COUNTS: &str = "
WhoCount                     | int 9          | --N-FSG | label Relation Count
WhatCount                    | int 9          | --N-FSG | label Related To Count
";
