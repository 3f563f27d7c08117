//! The fields of Profile and UserRole, which say what users may do and see.

/// The fields of Profile, in the order describe lists them.
pub(super) const PROFILE: &str = "
Id                           | id             | ---DFSG | label Profile ID; lookup
Name                         | string 255     | --N-FSG | name; lookup
Description                  | string 255     | --N-FSG |
UserType                     | picklist 40    | --N-FSG | restricted; values Standard · Guest
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
";

/// The fields of UserRole, in the order describe lists them.
pub(super) const ROLE: &str = "
Id                           | id             | ---DFSG | label Role ID; lookup
Name                         | string 80      | CU--FSG | name
ParentRoleId                 | reference      | CUN-FSG | label Parent Role ID; to UserRole as ParentRole
DeveloperName                | string 80      | CUN-FSG |
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
";
