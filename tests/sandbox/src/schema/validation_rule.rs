//! The fields of ValidationRule, which says what records may not hold.

/// The fields of ValidationRule, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Validation Rule ID; lookup
ValidationName               | string 80      | ----FSG | label Rule Name; name
EntityDefinitionId           | string 150     | ----FSG | label Entity Definition ID
Active                       | boolean        | ---DFSG | label Active
Description                  | string 255     | --N-FSG |
ErrorDisplayField            | string 255     | --N-FSG | label Error Location
ErrorMessage                 | string 255     | --N-FSG | label Error Message
NamespacePrefix              | string 15      | --N-FSG | label Namespace Prefix
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
";
