//! The standard fields of Contact.

/// The fields of Contact, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Contact ID; lookup
IsDeleted                    | boolean        | ---DFSG | label Deleted
MasterRecordId               | reference      | --N-FSG | to Contact as MasterRecord
AccountId                    | reference      | CUN-FSG | to Account as Account
LastName                     | string 80      | CU--FSG | of Name; info personname
FirstName                    | string 40      | CUN-FSG | of Name; info personname
Salutation                   | picklist 40    | CUN-FSG | of Name; info personname; values Mr. · Ms. · Mrs. · Dr. · Prof.
Name                         | string 121     | ----FSG | label Full Name; info personname; name
OtherStreet                  | textarea 255   | CUN-FSG | of OtherAddress; info plaintextarea
OtherCity                    | string 40      | CUN-FSG | of OtherAddress
OtherState                   | string 80      | CUN-FSG | label Other State/Province; of OtherAddress
OtherPostalCode              | string 20      | CUN-FSG | label Other Zip/Postal Code; of OtherAddress
OtherCountry                 | string 80      | CUN-FSG | of OtherAddress
OtherLatitude                | double 18,15   | CUN-FS- | of OtherAddress
OtherLongitude               | double 18,15   | CUN-FS- | of OtherAddress
OtherGeocodeAccuracy         | picklist 40    | CUN-FSG | of OtherAddress; restricted; values @geocode
OtherAddress                 | address        | --N-F-- |
MailingStreet                | textarea 255   | CUN-FSG | of MailingAddress; info plaintextarea
MailingCity                  | string 40      | CUN-FSG | of MailingAddress
MailingState                 | string 80      | CUN-FSG | label Mailing State/Province; of MailingAddress
MailingPostalCode            | string 20      | CUN-FSG | label Mailing Zip/Postal Code; of MailingAddress
MailingCountry               | string 80      | CUN-FSG | of MailingAddress
MailingLatitude              | double 18,15   | CUN-FS- | of MailingAddress
MailingLongitude             | double 18,15   | CUN-FS- | of MailingAddress
MailingGeocodeAccuracy       | picklist 40    | CUN-FSG | of MailingAddress; restricted; values @geocode
MailingAddress               | address        | --N-F-- |
Phone                        | phone 40       | CUN-FSG | label Business Phone
Fax                          | phone 40       | CUN-FSG | label Business Fax
MobilePhone                  | phone 40       | CUN-FSG |
HomePhone                    | phone 40       | CUN-FSG |
OtherPhone                   | phone 40       | CUN-FSG |
AssistantPhone               | phone 40       | CUN-FSG | label Asst. Phone
ReportsToId                  | reference      | CUN-FSG | to Contact as ReportsTo
Email                        | email 80       | CUN-FSG | lookup
Title                        | string 128     | CUN-FSG |
Department                   | string 80      | CUN-FSG |
AssistantName                | string 40      | CUN-FSG | label Assistant's Name
LeadSource                   | picklist 255   | CUN-FSG | values Web · Phone Inquiry · Partner Referral · Purchased List · Other
Birthdate                    | date           | CUN-FSG |
Description                  | textarea 32000 | CUN---- | label Contact Description; info plaintextarea
HasOptedOutOfEmail           | boolean        | CU-DFSG | label Email Opt Out
HasOptedOutOfFax             | boolean        | CU-DFSG | label Fax Opt Out
DoNotCall                    | boolean        | CU-DFSG | label Do Not Call
OwnerId                      | reference      | CU-DFSG | to User as Owner
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
LastActivityDate             | date           | --N-FSG | label Last Activity
LastCURequestDate            | datetime       | --N-FS- | label Last Stay-in-Touch Request Date
LastCUUpdateDate             | datetime       | --N-FS- | label Last Stay-in-Touch Save Date
LastViewedDate               | datetime       | --N-FS- |
LastReferencedDate           | datetime       | --N-FS- |
EmailBouncedReason           | string 255     | CUN-FSG | fixed
EmailBouncedDate             | datetime       | CUN-FS- | fixed
IsEmailBounced               | boolean        | ---DFSG |
PhotoUrl                     | url 255        | --N-FSG | label Photo URL; info imageurl
Jigsaw                       | string 20      | CUN-FSG | label Data.com Key
JigsawContactId              | string 20      | --N-FSG |
CleanStatus                  | picklist 40    | CUN-FSG | restricted; values Matched · Different · Acknowledged · NotFound · Inactive · Pending · SelectMatch · Skipped
IndividualId                 | reference      | CUN-FSG | to Individual as Individual; fixed
";
