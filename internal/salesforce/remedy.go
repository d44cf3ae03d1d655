package salesforce

// Remedy is a next step that is taken by a command, in the words that hints have for
// it. Which command that is depends on who keeps the login and what it is:
// [forcecred/helper.Helper] adds it. No text of this package names one.
type Remedy string

// The remedies. No hint has more than one of them.
const (
	LogInAgain    Remedy = "log in again"
	OtherHost     Remedy = "take the org's My Domain, https://NAME.my.salesforce.com, as login URL"
	OtherClient   Remedy = "give the right client_id and login URL"
	OtherSecret   Remedy = "give the app's consumer secret"
	OtherAudience Remedy = "give the audience that the org wants"
)

// Remedies are all of them.
var Remedies = []Remedy{LogInAgain, OtherHost, OtherClient, OtherSecret, OtherAudience}
