package provider

import (
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// worded is a word of the log with the form in which it is shown, which is the same here.
type worded struct {
	Value     string `json:"value"`
	Localized string `json:"localizedValue"`
}

func word(text string) worded { return worded{text, text} }

// event is Azure's document of an entry.
func (l *ActivityLog) event(entry store.Activity) map[string]any {
	namespace, _, _ := strings.Cut(entry.Action, "/")
	name := "EndRequest"
	if entry.Status == store.ActivityStarted {
		name = "BeginRequest"
	}
	at := entry.At.Format(time.RFC3339Nano)
	return map[string]any{
		"authorization":        map[string]string{"action": entry.Action, "scope": entry.ResourceID},
		"caller":               entry.Caller,
		"category":             word("Administrative"),
		"channels":             "Operation",
		"claims":               l.claims(entry),
		"correlationId":        entry.CorrelationID,
		"description":          "",
		"eventDataId":          entry.ID,
		"eventName":            word(name),
		"eventTimestamp":       at,
		"httpRequest":          map[string]string{"clientIpAddress": entry.ClientIP, "method": entry.Method},
		"id":                   entry.ResourceID + "/events/" + entry.ID,
		"level":                levelOf(entry),
		"operationId":          entry.OperationID,
		"operationName":        word(entry.Action),
		"properties":           map[string]string{"statusCode": entry.Detail, "entity": entry.ResourceID, "eventCategory": "Administrative"},
		"resourceGroupName":    entry.ResourceGroup,
		"resourceId":           entry.ResourceID,
		"resourceProviderName": word(namespace),
		"resourceType":         word(typeOf(entry)),
		"status":               word(string(entry.Status)),
		"subStatus":            word(entry.Detail),
		"submissionTimestamp":  at,
		"subscriptionId":       entry.Subscription,
		"tenantId":             l.TenantID,
	}
}

// claims are of those in Azure's log the ones that say who called.
func (l *ActivityLog) claims(entry store.Activity) map[string]string {
	const oid, tid = "http://schemas.microsoft.com/identity/claims/objectidentifier", "http://schemas.microsoft.com/identity/claims/tenantid"
	claims := map[string]string{oid: entry.CallerID, tid: l.TenantID}
	if entry.Caller != entry.CallerID {
		claims["appid"] = entry.Caller
	}
	return claims
}

func levelOf(entry store.Activity) string {
	if entry.Status == store.ActivityFailed {
		return "Error"
	}
	return "Informational"
}

func typeOf(entry store.Activity) string {
	id, err := fairlead.ParseResourceID(entry.ResourceID)
	if err != nil {
		return ""
	}
	return id.Type()
}
