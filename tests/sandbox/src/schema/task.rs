//! The standard fields of Task.

/// The fields of Task, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Activity ID; lookup
WhoId                        | reference      | CUN-FSG | label Name ID; to Contact,Lead as Who
WhatId                       | reference      | CUN-FSG | label Related To ID; to Account,Opportunity,Campaign,Case,Contract as What
Subject                      | combobox 255   | CUN-FS- | name; values Call · Email · Send Letter · Send Quote · Other; fixed
ActivityDate                 | date           | CUN-FSG | label Due Date Only; fixed
Status                       | picklist 255   | CU-DFSG | values Not Started* · In Progress · Completed · Waiting on someone else · Deferred
Priority                     | picklist 255   | CU-DFSG | values High · Normal* · Low
IsHighPriority               | boolean        | ---DFSG | label High Priority
OwnerId                      | reference      | CU-DFSG | label Assigned To ID; to User as Owner
Description                  | textarea 32000 | CUN---- |
Type                         | picklist 40    | CUN-FSG | values Call · Email · Meeting · Other
TaskSubtype                  | picklist 40    | C-N-FSG | restricted; values Task* · Email · ListEmail · Cadence · Call · LinkedIn; fixed
CallDurationInSeconds        | int 8          | CUN-FSG | label Call Duration; fixed
CallType                     | picklist 40    | CUN-FSG | restricted; values Internal · Inbound · Outbound; fixed
CallDisposition              | string 255     | CUN-FSG | label Call Result; fixed
CallObject                   | string 255     | CUN-FSG | label Call Object Identifier; fixed
IsDeleted                    | boolean        | ---DFSG | label Deleted
AccountId                    | reference      | --N-FSG | to Account as Account
IsClosed                     | boolean        | ---DFSG | label Closed
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | label Created By ID; to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | label Last Modified By ID; to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
IsArchived                   | boolean        | ---DFSG | label Archived
ReminderDateTime             | datetime       | CUN-FS- | label Reminder Date/Time; fixed
IsReminderSet                | boolean        | CU-DFSG | label Reminder Set; fixed
RecurrenceActivityId         | reference      | --N-FSG | to Task
IsRecurrence                 | boolean        | C--DFSG | label Create Recurring Series of Tasks; fixed
RecurrenceStartDateOnly      | date           | CUN-FSG | label Recurrence Start; fixed
RecurrenceEndDateOnly        | date           | CUN-FSG | label Recurrence End; fixed
RecurrenceTimeZoneSidKey     | picklist 40    | CUN-FSG | label Recurrence Time Zone; restricted; values @time_zone; fixed
RecurrenceType               | picklist 40    | CUN-FSG | restricted; values RecursDaily · RecursEveryWeekday · RecursMonthly · RecursMonthlyNth · RecursWeekly · RecursYearly · RecursYearlyNth; fixed
RecurrenceInterval           | int 9          | CUN-FSG | fixed
RecurrenceDayOfWeekMask      | int 9          | CUN-FSG | label Recurrence Day of Week Mask; fixed
RecurrenceDayOfMonth         | int 9          | CUN-FSG | label Recurrence Day of Month; fixed
RecurrenceInstance           | picklist 40    | CUN-FSG | restricted; values First · Second · Third · Fourth · Last; fixed
RecurrenceMonthOfYear        | picklist 40    | CUN-FSG | label Recurrence Month of Year; restricted; values January · February · March · April · May · June · July · August · September · October · November · December; fixed
RecurrenceRegeneratedType    | picklist 40    | CUN-FSG | label Repeat This Task; restricted; values RecurrenceRegenerateAfterDueDate · RecurrenceRegenerateAfterToday · RecurrenceRegenerated; fixed
CompletedDateTime            | datetime       | --N-FS- | label Completed Date/Time
";
