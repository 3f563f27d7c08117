//! The standard fields of Event.

/// The fields of Event, in the order describe lists them.
pub(super) const FIELDS: &str = "
Id                           | id             | ---DFSG | label Activity ID; lookup
WhoId                        | reference      | CUN-FSG | label Name ID; to Contact,Lead as Who
WhatId                       | reference      | CUN-FSG | label Related To ID; to Account,Opportunity,Campaign,Case,Contract as What
Subject                      | combobox 255   | CUN-FS- | name; values Call · Email · Meeting · Send Letter/Quote · Other; fixed
Location                     | string 255     | CUN-FSG |
IsAllDayEvent                | boolean        | CU-DFSG | label All-Day Event
ActivityDateTime             | datetime       | CUN-FS- | label Due Date Time; fixed
ActivityDate                 | date           | CUN-FSG | label Due Date Only; fixed
DurationInMinutes            | int 8          | CUN-FSG | label Duration; fixed
StartDateTime                | datetime       | CUN-FS- | fixed
EndDateTime                  | datetime       | CUN-FS- | fixed
EndDate                      | date           | --N-FSG |
Description                  | textarea 32000 | CUN---- | info plaintextarea
AccountId                    | reference      | --N-FSG | to Account as Account
OwnerId                      | reference      | CU-DFSG | label Assigned To ID; to Calendar,User as Owner
IsPrivate                    | boolean        | CU-DFSG | label Private; fixed
ShowAs                       | picklist 40    | CUNDFSG | label Show Time As; restricted; values Busy* · OutOfOffice · Free; fixed
IsDeleted                    | boolean        | ---DFSG | label Deleted
IsChild                      | boolean        | ---DFSG |
IsGroupEvent                 | boolean        | ---DFSG |
GroupEventType               | picklist 40    | --NDFSG | restricted; values 0* · 1 · 2 · 3
CreatedDate                  | datetime       | ---DFS- |
CreatedById                  | reference      | ---DFSG | to User as CreatedBy
LastModifiedDate             | datetime       | ---DFS- |
LastModifiedById             | reference      | ---DFSG | to User as LastModifiedBy
SystemModstamp               | datetime       | ---DFS- |
IsArchived                   | boolean        | ---DFSG | label Archived
RecurrenceActivityId         | reference      | --N-FSG | to Event
IsRecurrence                 | boolean        | C--DFSG | label Create Recurring Series of Events; fixed
RecurrenceStartDateTime      | datetime       | CUN-FS- | label Recurrence Start; fixed
RecurrenceEndDateOnly        | date           | CUN-FSG | label Recurrence End; fixed
RecurrenceTimeZoneSidKey     | picklist 40    | CUN-FSG | label Recurrence Time Zone; restricted; values @time_zone; fixed
RecurrenceType               | picklist 40    | CUN-FSG | restricted; values RecursDaily · RecursEveryWeekday · RecursMonthly · RecursMonthlyNth · RecursWeekly · RecursYearly · RecursYearlyNth; fixed
RecurrenceInterval           | int 9          | CUN-FSG | fixed
RecurrenceDayOfWeekMask      | int 9          | CUN-FSG | label Recurrence Day of Week Mask; fixed
RecurrenceDayOfMonth         | int 9          | CUN-FSG | label Recurrence Day of Month; fixed
RecurrenceInstance           | picklist 40    | CUN-FSG | restricted; values First · Second · Third · Fourth · Last; fixed
RecurrenceMonthOfYear        | picklist 40    | CUN-FSG | label Recurrence Month of Year; restricted; values January · February · March · April · May · June · July · August · September · October · November · December; fixed
ReminderDateTime             | datetime       | CUN-FS- | label Reminder Date/Time; fixed
IsReminderSet                | boolean        | CU-DFSG | label Reminder Set; fixed
EventSubtype                 | picklist 40    | C-N-FSG | restricted; values Event; fixed
IsRecurrence2Exclusion       | boolean        | ---DFSG | label Historical Event, Not Following Recurrence
Recurrence2PatternText       | textarea 512   | C-N---- | label Recurrence Pattern; info plaintextarea; fixed
Recurrence2PatternVersion    | picklist 40    | --N-FSG | label Pattern Version; restricted; values 1 · 2
IsRecurrence2                | boolean        | ---DFSG | label Repeat
IsRecurrence2Exception       | boolean        | ---DFSG | label Is Exception
Recurrence2PatternStartDate  | datetime       | --N-FS- | label Recurrence Pattern Start Date
Recurrence2PatternTimeZone   | string 255     | --N-FSG | label Recurrence Pattern Time Zone Reference
";
