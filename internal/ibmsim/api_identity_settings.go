package ibmsim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Account settings of IAM identity.
var identitySettingsRoutes = []route{
	{api: &identityAPI, method: "GET", path: "/v1/accounts/{account}/settings/identity", handle: identitySettings},
	{api: &identityAPI, method: "PUT", path: "/v1/accounts/{account}/settings/identity", handle: updateIdentitySettings},
}

func identitySettings(k *call) reply {
	if !k.account(k.path("account")) || !k.readsIdentities() {
		return k.iamForbidden()
	}
	return k.settingsReply()
}

func (k *call) settingsReply() reply {
	s := k.w.settings
	return reply{status: http.StatusOK, header: map[string]string{"ETag": k.w.settingsTag()}, body: map[string]any{
		"account_id": k.w.accountID, "entity_tag": k.w.settingsTag(),
		"restrict_create_service_id":                 s.RestrictCreateServiceID,
		"restrict_create_platform_apikey":            s.RestrictCreatePlatformAPIKey,
		"restrict_user_list_visibility":              s.RestrictUserListVisibility,
		"allowed_ip_addresses":                       s.AllowedIPAddresses,
		"mfa":                                        s.MFA,
		"session_expiration_in_seconds":              s.sessionExpires,
		"session_invalidation_in_seconds":            s.sessionIdle,
		"max_sessions_per_identity":                  s.sessionsPerUser,
		"system_access_token_expiration_in_seconds":  strconv.FormatInt(wholeSeconds(k.w.tokenLife()), 10),
		"system_refresh_token_expiration_in_seconds": s.refreshLife,
		"user_mfa": s.userMFA, "restrict_user_domains": s.domains,
	}}
}

func (w *world) settingsTag() string { return fmt.Sprintf("%d-%s", w.settings.tag, w.accountID[:8]) }

// settingsUpdate is the body of a change; what is missing stays as it is.
type settingsUpdate struct {
	CreateServiceID  *string             `json:"restrict_create_service_id"`
	CreateAPIKey     *string             `json:"restrict_create_platform_apikey"`
	UserList         *string             `json:"restrict_user_list_visibility"`
	AllowedIPs       *string             `json:"allowed_ip_addresses"`
	MFA              *string             `json:"mfa"`
	SessionExpires   *string             `json:"session_expiration_in_seconds"`
	SessionIdle      *string             `json:"session_invalidation_in_seconds"`
	SessionsPerUser  *string             `json:"max_sessions_per_identity"`
	AccessTokenLife  *string             `json:"system_access_token_expiration_in_seconds"`
	RefreshTokenLife *string             `json:"system_refresh_token_expiration_in_seconds"`
	UserMFA          []userMFA           `json:"user_mfa"`
	Domains          []domainRestriction `json:"restrict_user_domains"`
}

// updateIdentitySettings acts at once. Its ranges are those the SDK documents; the refusals are inferred.
func updateIdentitySettings(k *call) reply {
	if !k.account(k.path("account")) || !k.w.holdsRole(k.caller.iam, target{service: "iam-identity"}, k.now, "Administrator") {
		return k.iamForbidden()
	}
	if k.entityChanged(k.w.settingsTag()) {
		return k.staleEntity()
	}
	var in settingsUpdate
	if !k.decode(&in) {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", "The body could not be read.")
	}
	if err := in.check(strconv.FormatInt(wholeSeconds(k.w.tokenLife()), 10)); err != nil {
		return k.iamRefusal(http.StatusBadRequest, "BXNIM0109E", err.Error())
	}
	k.w.applySettings(in, k.now)
	k.record("iam-identity.accountsettings.update", k.w.accountID)
	return k.settingsReply()
}

func (w *world) applySettings(in settingsUpdate, now time.Time) {
	s := &w.settings
	set(&s.RestrictCreateServiceID, in.CreateServiceID)
	set(&s.RestrictCreatePlatformAPIKey, in.CreateAPIKey)
	set(&s.RestrictUserListVisibility, in.UserList)
	set(&s.AllowedIPAddresses, in.AllowedIPs)
	set(&s.MFA, in.MFA)
	set(&s.sessionExpires, in.SessionExpires)
	set(&s.sessionIdle, in.SessionIdle)
	set(&s.sessionsPerUser, in.SessionsPerUser)
	set(&s.refreshLife, in.RefreshTokenLife)
	if in.UserMFA != nil {
		s.userMFA = in.UserMFA
	}
	if in.Domains != nil {
		s.domains = in.Domains
	}
	s.tag++
	if in.AccessTokenLife == nil {
		return
	}
	life := w.fileTokenLife()
	if n, err := strconv.Atoi(*in.AccessTokenLife); err == nil {
		life = time.Duration(n) * time.Second
	}
	if life != w.tokenLife() && *in.AccessTokenLife != strconv.FormatInt(wholeSeconds(w.tokenLife()), 10) {
		w.tokenLives = append(w.tokenLives, tokenLifeFrom{now, life})
	}
}

// Limits of the two lives of tokens, in seconds.
const (
	minTokenLife        = 900
	maxAccessTokenLife  = 3600
	maxRefreshTokenLife = 259200
	maxSessionSeconds   = 2_592_000
)

// check lists what is wrong with a change. The present life of tokens may be written back, though an account file may
// have a shorter one than IBM allows.
func (in settingsUpdate) check(presentLife string) error {
	var problems []error
	oneOf := func(name string, value *string, allowed ...string) {
		if value != nil && !slices.Contains(allowed, *value) {
			problems = append(problems, fmt.Errorf("%s is one of %s", name, strings.Join(allowed, ", ")))
		}
	}
	seconds := func(name string, value *string, least, most int) {
		if value == nil || *value == notSet {
			return
		}
		if n, err := strconv.Atoi(*value); err != nil || n < least || n > most {
			problems = append(problems, fmt.Errorf("%s is %s or %d to %d", name, notSet, least, most))
		}
	}
	modes := []string{"NONE", "NONE_NO_ROPC", "TOTP", "TOTP4ALL", "LEVEL1", "LEVEL2", "LEVEL3"}
	oneOf("restrict_create_service_id", in.CreateServiceID, "RESTRICTED", "NOT_RESTRICTED", notSet)
	oneOf("restrict_create_platform_apikey", in.CreateAPIKey, "RESTRICTED", "NOT_RESTRICTED", notSet)
	oneOf("restrict_user_list_visibility", in.UserList, "RESTRICTED", "NOT_RESTRICTED")
	oneOf("mfa", in.MFA, modes...)
	for _, u := range in.UserMFA {
		oneOf("user_mfa", &u.MFA, modes...)
	}
	for _, d := range in.Domains {
		if d.RealmID == "" {
			problems = append(problems, errors.New("restrict_user_domains needs a realm_id"))
		}
	}
	seconds("session_expiration_in_seconds", in.SessionExpires, minTokenLife, maxSessionSeconds)
	seconds("session_invalidation_in_seconds", in.SessionIdle, minTokenLife, maxSessionSeconds)
	seconds("max_sessions_per_identity", in.SessionsPerUser, 1, maxSessionSeconds)
	seconds("system_refresh_token_expiration_in_seconds", in.RefreshTokenLife, minTokenLife, maxRefreshTokenLife)
	if in.AccessTokenLife != nil && *in.AccessTokenLife != presentLife {
		seconds("system_access_token_expiration_in_seconds", in.AccessTokenLife, minTokenLife, maxAccessTokenLife)
	}
	return errors.Join(problems...)
}
