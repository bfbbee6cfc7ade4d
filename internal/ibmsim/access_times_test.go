package ibmsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
	policies "github.com/IBM/platform-services-go-sdk/iampolicymanagementv1"
	"github.com/stretchr/testify/require"

	"offboard/internal/ibmsim"
)

// nextMonday is the first Monday midnight, in UTC, after a moment.
func nextMonday(t time.Time) time.Time {
	day := t.Truncate(24 * time.Hour)
	for day.Before(t) || day.Weekday() != time.Monday {
		day = day.Add(24 * time.Hour)
	}
	return day
}

func ruleAttribute(key, operator string, value any) policies.NestedConditionIntf {
	return &policies.NestedConditionRuleAttribute{Key: core.StringPtr("{{environment.attributes." + key + "}}"), Operator: &operator, Value: value}
}

// The business hours of IBM's own example: what they leave out are outages of a key whose owner has no more than that.
func TestWeeklyAccess(t *testing.T) {
	s := startSim(t, "small")
	o := s.clusterPolicy("viewer@acme.example", "Administrator")
	o.Pattern = core.StringPtr("time-based-conditions:weekly:custom-hours")
	o.Rule = &policies.V2PolicyRuleRuleWithNestedConditions{Operator: core.StringPtr("and"), Conditions: []policies.NestedConditionIntf{
		ruleAttribute("day_of_week", "dayOfWeekAnyOf", []string{"1+00:00", "2+00:00", "3+00:00", "4+00:00", "5+00:00"}),
		ruleAttribute("current_time", "timeGreaterThanOrEquals", "09:00:00+01:00"),
		ruleAttribute("current_time", "timeLessThanOrEquals", "17:00:00+00:00"),
	}}
	made, _, err := s.policies(keyAdmin).CreateV2Policy(o)
	require.NoError(t, err)
	got, _, err := s.policies(keyAdmin).GetV2Policy(&policies.GetV2PolicyOptions{ID: made.ID})
	require.NoError(t, err)
	require.Equal(t, *o.Pattern, *got.Pattern)

	monday := nextMonday(s.clock.Now())
	s.clock.Advance(monday.Add(7 * time.Hour).Sub(s.clock.Now()))
	resp, err := s.resetAt("eu-de")
	require.Error(t, err, "at seven o'clock")
	require.Equal(t, http.StatusForbidden, resp.StatusCode)
	s.clock.Advance(time.Hour)
	_, err = s.resetAt("eu-de")
	require.NoError(t, err, "nine o'clock an hour east of UTC")
	s.clock.Advance(monday.Add(7 * 24 * time.Hour).Sub(s.clock.Now()))
	var found []ibmsim.Outage
	for _, one := range s.cloud.Outages() {
		if one.Cluster == "small-vpc" && firstWord(one.Subject) == "scope" {
			found = append(found, one)
		}
	}
	require.Len(t, found, 5, "four nights and a weekend")
	require.Equal(t, []time.Time{monday.Add(17 * time.Hour), monday.Add(32 * time.Hour)}, []time.Time{found[0].From, found[0].To})
	require.Equal(t, monday.Add(4*24*time.Hour+17*time.Hour), found[4].From, "Friday evening")
	require.Zero(t, found[4].To)
	require.Equal(t, "owner lacks rights", found[4].Cause)
}

// resetAt is the viewer's reset with a token of now: the SDK would use the machine's clock.
func (s *sim) resetAt(region string) (*core.DetailedResponse, error) {
	return s.reset(keyViewer, region, "")
}

func TestAccessOnSomeDays(t *testing.T) {
	s := startSim(t, "small")
	o := s.clusterPolicy("viewer@acme.example", "Administrator")
	o.Pattern = core.StringPtr("time-based-conditions:weekly:all-day")
	o.Rule = &policies.V2PolicyRuleRuleAttribute{Key: core.StringPtr("{{environment.attributes.day_of_week}}"), Operator: core.StringPtr("dayOfWeekAnyOf"), Value: []string{"7-02:00"}}
	monday := nextMonday(s.clock.Now())
	for at, allowed := range map[time.Duration]bool{time.Hour: true, 3 * time.Hour: false} { // in that zone it is Sunday until two
		other := startSim(t, "small")
		_, _, err := other.policies(keyAdmin).CreateV2Policy(o)
		require.NoError(t, err)
		other.clock.Advance(monday.Add(at).Sub(other.clock.Now()))
		_, err = other.resetAt("eu-de")
		require.Equal(t, allowed, err == nil)
	}
}

func TestRulesThatMeanNothing(t *testing.T) {
	s := startSim(t, "small")
	iam := s.user("viewer@acme.example").IAMID
	day := ruleAttribute("day_of_week", "dayOfWeekAnyOf", []string{"1+00:00"})
	for name, bad := range map[string]struct {
		pattern string
		rule    policies.V2PolicyRuleIntf
	}{
		"no pattern":      {"", &policies.V2PolicyRuleRuleWithNestedConditions{Operator: core.StringPtr("and"), Conditions: []policies.NestedConditionIntf{day, day}}},
		"another pattern": {"attribute-based-condition:resource:literal-and-wildcard", &policies.V2PolicyRuleRuleWithNestedConditions{Operator: core.StringPtr("and"), Conditions: []policies.NestedConditionIntf{day, day}}},
		"hours all day": {"time-based-conditions:weekly:all-day", &policies.V2PolicyRuleRuleWithNestedConditions{Operator: core.StringPtr("and"), Conditions: []policies.NestedConditionIntf{
			day, ruleAttribute("current_time", "timeLessThan", "09:00:00+00:00"),
		}}},
		"no day":  {"time-based-conditions:weekly:all-day", &policies.V2PolicyRuleRuleAttribute{Key: core.StringPtr("{{environment.attributes.day_of_week}}"), Operator: core.StringPtr("dayOfWeekAnyOf"), Value: []string{"8+00:00"}}},
		"no join": {"time-based-conditions:weekly:custom-hours", &policies.V2PolicyRuleRuleWithNestedConditions{Operator: core.StringPtr("xor"), Conditions: []policies.NestedConditionIntf{day, day}}},
		"no time": {"time-based-conditions:weekly:custom-hours", &policies.V2PolicyRuleRuleAttribute{Key: core.StringPtr("{{environment.attributes.current_time}}"), Operator: core.StringPtr("timeLessThan"), Value: "noon"}},
		"date for a time": {"time-based-conditions:once", &policies.V2PolicyRuleRuleAttribute{
			Key: core.StringPtr("{{environment.attributes.current_date_time}}"), Operator: core.StringPtr("timeLessThan"), Value: "2030-01-01T00:00:00Z",
		}},
	} {
		o := s.policyFor(iam, "Editor")
		if bad.pattern != "" {
			o.Pattern = core.StringPtr(bad.pattern)
		}
		o.Rule = bad.rule
		_, resp, err := s.policies(keyAdmin).CreateV2Policy(o)
		require.Error(t, err, name)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode, name)
	}
}

// An account file can give access by the week, too.
func TestWeeklyAccessInTheAccountFile(t *testing.T) {
	a, err := ibmsim.Load("small")
	require.NoError(t, err)
	a.Policies[2].Weekly = &ibmsim.Weekly{Days: []string{"1+00:00", "2+00:00"}, From: "00:00:00+00:00", To: "12:00:00+00:00"} // the leaver's
	s := startAccount(t, a)
	monday := nextMonday(s.clock.Now())
	s.clock.Advance(monday.Add(36 * time.Hour).Sub(s.clock.Now()))
	var half []ibmsim.Outage
	for _, o := range s.cloud.Outages() {
		if o.From.Equal(monday.Add(12 * time.Hour)) {
			half = append(half, o)
		}
	}
	require.Len(t, half, 2, "one for each cluster of the pair")
	require.Equal(t, monday.Add(24*time.Hour), half[0].To)
}
