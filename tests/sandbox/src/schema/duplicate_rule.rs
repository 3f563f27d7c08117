//! The fields of DuplicateRule, which says which records are compared with others.

/// The fields of DuplicateRule, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Duplicate Rule ID; lookup
DeveloperName                | string 80      | ----FSG | label Object Name; name
MasterLabel                  | string 80      | ----FSG | label Rule Name
SobjectType                  | string 40      | --N-FSG | label Object
SobjectSubtype               | string 40      | --N-FSG | label Object Subtype
IsActive                     | boolean        | ---DFSG | label Active
NamespacePrefix              | string 15      | --N-FSG | label Namespace Prefix
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
";
