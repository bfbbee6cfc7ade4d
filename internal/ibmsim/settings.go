package ibmsim

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// accountSettings are the identity settings in force. The account file gives the first five; calls may change all.
type accountSettings struct {
	Settings
	tag             int
	sessionExpires  string
	sessionIdle     string
	sessionsPerUser string
	refreshLife     string
	userMFA         []userMFA
	domains         []domainRestriction
}

type userMFA struct {
	IamID string `json:"iam_id"`
	MFA   string `json:"mfa"`
}

// domainRestriction limits who of a realm may be invited.
type domainRestriction struct {
	RealmID  string   `json:"realm_id"`
	Patterns []string `json:"invitation_email_allow_patterns"`
	Restrict bool     `json:"restrict_invitation"`
}

const notSet = "NOT_SET"

func newSettings(s Settings) accountSettings {
	s.RestrictCreateServiceID = firstOf(s.RestrictCreateServiceID, notSet)
	s.RestrictCreatePlatformAPIKey = firstOf(s.RestrictCreatePlatformAPIKey, notSet)
	s.RestrictUserListVisibility = firstOf(s.RestrictUserListVisibility, "NOT_RESTRICTED")
	s.MFA = firstOf(s.MFA, "NONE")
	return accountSettings{
		Settings: s, tag: 1, sessionExpires: "86400", sessionIdle: "7200", sessionsPerUser: notSet,
		refreshLife: fmt.Sprint(wholeSeconds(refreshLife)), userMFA: []userMFA{}, domains: []domainRestriction{},
	}
}

// invitable tells whether the settings let an e-mail address be invited. Who is unknown here belongs to the realm IBMid.
func (s accountSettings) invitable(email string) bool {
	for _, d := range s.domains {
		if d.RealmID != "IBMid" || !d.Restrict {
			continue
		}
		allowed := false
		for _, p := range d.Patterns {
			allowed = allowed || emailPattern(p).MatchString(strings.ToLower(email))
		}
		if !allowed {
			return false
		}
	}
	return true
}

// emailPattern reads IBM's wildcards: one star stops at a dot or an at sign, two do not.
func emailPattern(text string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(strings.ToLower(text))
	quoted = strings.ReplaceAll(quoted, `\*\*`, ".*")
	quoted = strings.ReplaceAll(quoted, `\*`, "[^.@]*")
	return regexp.MustCompile("^" + quoted + "$")
}

// refreshTokenLife is how long a refresh token made now lives.
func (s accountSettings) refreshTokenLife() time.Duration {
	if n, err := strconv.Atoi(s.refreshLife); err == nil {
		return time.Duration(n) * time.Second
	}
	return refreshLife
}

// tokenLives is how long access tokens live, from when: the history of one setting, oldest first and never empty.
type tokenLives []tokenLifeFrom

type tokenLifeFrom struct {
	from time.Time
	life time.Duration
}

// at is the life of a token made at t, and when that changes; zero = not yet.
func (l tokenLives) at(t time.Time) (life time.Duration, until time.Time) {
	life = l[0].life
	for _, one := range l {
		if one.from.After(t) {
			return life, one.from
		}
		life = one.life
	}
	return life, time.Time{}
}

// tokenLife is how long an access token made now lives.
func (w *world) tokenLife() time.Duration { return w.tokenLives[len(w.tokenLives)-1].life }

// fileTokenLife is what the account file says, or IBM's default.
func (w *world) fileTokenLife() time.Duration {
	if w.knobs.TokenLife == 0 {
		return time.Hour
	}
	return w.knobs.TokenLife.Std()
}
