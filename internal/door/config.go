package door

import (
	"context"
	"time"

	"go.uber.org/zap"

	"offboard/internal/offboard"
)

// Config is everything a door is made of.
type Config struct {
	Engine Engine
	Store  *Store // stays the caller's to close, after Serve has returned
	Logger *zap.Logger
	Now    func() time.Time // nil: time.Now
	Client HTTPClient       // to call HR systems back; nil: one of its own
	Watch  Watch            // is told of every request; nil: nobody is

	// RequestedBy is the e-mail address that runs name where a sender names nobody.
	RequestedBy string
	Soak        offboard.Duration // of the runs it starts; zero: offboard.DefaultSoak
	Brake       Brake
	Rate        Rate
	Operators   []Operator
	// ApprovalKey vouches for operators who approve; see ParseApprovalKey. Nil: nobody vouches for them.
	ApprovalKey Secret

	// The senders. A nil one has no route.
	Webhooks []Webhook
	SCIM     *SCIM
	Okta     *Okta
	HiBob    *HiBob
	BambooHR *BambooHR
}

// Secret fetches a secret's value. It is asked at each request, so a rotated secret is picked up without a restart. The
// error must not hold the value.
type Secret func(context.Context) (string, error)

// Brake is the mass brake: after Starts starts within Window everything else is held until a person releases it.
type Brake struct {
	Starts int
	Window time.Duration
}

// DefaultBrake is far above what HR sends on an ordinary day and far below what a broken synchronisation does.
func DefaultBrake() Brake { return Brake{Starts: 10, Window: time.Hour} }

// Rate bounds the requests of one sender.
type Rate struct {
	PerSecond int
	Burst     int
}

// DefaultRate is above what any of the senders sends and below what would keep the disk busy.
func DefaultRate() Rate { return Rate{PerSecond: 300, Burst: 600} }

// Operator may look at the brake and at runs, release the brake, and answer runs under the e-mail address.
type Operator struct {
	Name  string
	Email string
	Token Secret
}

// Webhook is a sender that signs by the Standard Webhooks specification, at /webhooks/NAME.
type Webhook struct {
	Name     string
	Secrets  []Secret // each "whsec_…"; several while one is replaced
	Approval string   // of the runs it starts, as in offboard.Request
}

// SCIM is an identity system that keeps users at /scim/v2.
type SCIM struct {
	Tokens   []Secret // bearer tokens; several while one is replaced
	Grace    time.Duration
	Approval string
}

// Okta is an Okta event hook, at /okta/events.
type Okta struct {
	Secrets  []Secret // values of the Authorization header; several while one is replaced
	Approval string
	Grace    time.Duration // how long after a suspension the offboarding may begin
}

// HiBob is HiBob's webhooks of version 2, at /hibob.
type HiBob struct {
	Secrets  []Secret
	API      string // base URL to call back: https://api.hibob.com
	User     Secret // ID and token of a service user that may read people
	Token    Secret
	Approval string
	Grace    time.Duration // how long after the start of a leave the offboarding may begin
}

// BambooHR is BambooHR's event-based webhooks, at /bamboohr.
type BambooHR struct {
	Secrets  []Secret // the private keys of the webhooks
	API      string   // base URL to call back: https://COMPANY.bamboohr.com
	Key      Secret   // API key that may read employees
	Approval string
}
