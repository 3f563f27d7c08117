//! The standard fields of User.

/// The fields of User, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label User ID; lookup
Username                     | string 80      | CU--FSG | lookup
LastName                     | string 80      | CU--FSG | of Name; info personname
FirstName                    | string 40      | CUN-FSG | of Name; info personname
Name                         | string 121     | ----FSG | label Full Name; name; info personname
CompanyName                  | string 80      | CUN-FSG |
Division                     | string 80      | CUN-FSG |
Department                   | string 80      | CUN-FSG |
Title                        | string 80      | CUN-FSG |
Street                       | textarea 255   | CUN-FSG | of Address; info plaintextarea
City                         | string 40      | CUN-FSG | of Address
State                        | string 80      | CUN-FSG | label State/Province; of Address
PostalCode                   | string 20      | CUN-FSG | label Zip/Postal Code; of Address
Country                      | string 80      | CUN-FSG | of Address
Latitude                     | double 18,15   | CUN-FS- | of Address
Longitude                    | double 18,15   | CUN-FS- | of Address
GeocodeAccuracy              | picklist 40    | CUN-FSG | of Address; restricted; values @geocode
Address                      | address        | --N-F-- |
Email                        | email 128      | CU--FSG | lookup
SenderEmail                  | email 80       | CUN-FSG | label Email Sender Address
Phone                        | phone 40       | CUN-FSG |
Fax                          | phone 40       | CUN-FSG |
MobilePhone                  | phone 40       | CUN-FSG |
Alias                        | string 8       | CU--FSG |
CommunityNickname            | string 40      | CU-DFSG | label Nickname
IsActive                     | boolean        | CU-DFSG | label Active
TimeZoneSidKey               | picklist 40    | CU--FSG | label Time Zone; restricted; values @time_zone
UserRoleId                   | reference      | CUN-FSG | label Role ID; to UserRole as UserRole
LocaleSidKey                 | picklist 40    | CU--FSG | label Locale; restricted; values en_US · en_GB · de_DE · fr_FR
EmailEncodingKey             | picklist 40    | CU--FSG | label Email Encoding; restricted; values UTF-8 · ISO-8859-1
ProfileId                    | reference      | CU--FSG | label Profile ID; to Profile as Profile
UserType                     | picklist 40    | --N-FSG | restricted; values Standard · PowerPartner · CSPLitePortal · Guest · CloudIntegrationUser
LanguageLocaleKey            | picklist 40    | CU--FSG | label Language; restricted; values en_US · de · fr
EmployeeNumber               | string 20      | CUN-FSG |
ManagerId                    | reference      | CUN-FSG | label Manager ID; to User as Manager
LastLoginDate                | datetime       | --N-FS- | label Last Login
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
FederationIdentifier         | string 512     | CUN-FSG | label SAML Federation ID; lookup
AboutMe                      | textarea 1000  | CUN-F-- | info plaintextarea
FullPhotoUrl                 | url 1024       | --N-FSG | label Url for full-sized Photo
SmallPhotoUrl                | url 1024       | --N-FSG | label Photo
IsProfilePhotoActive         | boolean        | ---DFSG | label Has Profile Photo
";
