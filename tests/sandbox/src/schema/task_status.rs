//! The fields of TaskStatus, which says which Task statuses are closed.

/// The fields of TaskStatus, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Task Status Value ID; lookup
MasterLabel                  | string 255     | --N-FSG | name
ApiName                      | string 255     | --N-FSG | lookup
SortOrder                    | int 9          | --N-FSG |
IsDefault                    | boolean        | ---DFSG |
IsClosed                     | boolean        | ---DFSG | label Closed
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
";
