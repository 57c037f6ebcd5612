// Package storetest is the conformance suite of package store: what it asserts holds on every
// database that the store supports. It also opens throwaway stores for the tests of others.
package storetest

import (
	"net/url"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/store"
)

// Suite is the conformance suite. DSN names a fresh, empty database for each call.
type Suite struct{ DSN func(t *testing.T) string }

// Run runs the whole suite as subtests.
func (s Suite) Run(t *testing.T) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *store.DB){
		"Ping":                   testPing,
		"PutAndGet":              testPutAndGet,
		"Conditions":             testConditions,
		"RefusedDocuments":       testRefusedDocuments,
		"Parents":                testParents,
		"Delete":                 testDelete,
		"List":                   testList,
		"Pages":                  testPages,
		"ByteOrder":              testByteOrder,
		"Revisions":              testRevisions,
		"OneOfManyCreates":       testOneOfManyCreates,
		"OneOfManyMatchesETag":   testOneOfManyMatchesETag,
		"ReadersSeeWholeWrites":  testReadersSeeWholeWrites,
		"CanceledContexts":       testCanceledContexts,
		"Subscribe":              testSubscribe,
		"SubscribeAfterCommit":   testSubscribeAfterCommit,
		"Operations":             testOperations,
		"OperationsWithResource": testOperationsWithResource,
		"Activity":               testActivity,
		"ActivityWithWrites":     testActivityWithWrites,
		"Configurations":         testConfigurations,
		"KindsOfConfigurations":  testKindsOfConfigurations,
		"ExtensionEvents":        testExtensionEvents,
		"FluxLogs":               testFluxLogs,
		"Sealed":                 testSealed,
		"Audit":                  testAudit,
		"AuditEnds":              testAuditEnds,
		"ForgetAudit":            testForgetAudit,
		"ManyAudited":            testManyAudited,
		"Recordings":             testRecordings,
		"Presence":               testPresence,
		"Principals":             testPrincipals,
		"Credentials":            testCredentials,
		"Secrets":                testSecrets,
		"Tickets":                testTickets,
		"TicketFamilies":         testTicketFamilies,
		"TicketIsTakenOnce":      testTicketIsTakenOnce,
		"KeyCredentials":         testKeyCredentials,
		"Registrations":          testRegistrations,
		"Unregister":             testUnregister,
		"Certificates":           testCertificates,
		"Users":                  testUsers,
		"Passwords":              testPasswords,
		"FindPrincipals":         testFindPrincipals,
		"Memberships":            testMemberships,
		"RefusedMembers":         testRefusedMembers,
		"ResourcesAbout":         testResourcesAbout,
	} {
		t.Run(name, func(t *testing.T) { test(t, Open(t, s.DSN(t))) })
	}
	t.Run("Reopen", s.testReopen)
	t.Run("OpenTogether", s.testOpenTogether)
	t.Run("SubscribeAcross", s.testSubscribeAcross)
}

// SQLite names a database in a temporary folder.
func SQLite(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "store.db")
}

// Open opens a store that is closed when the test ends.
func Open(t *testing.T, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// InSchema returns a PostgreSQL dsn whose tables are in a schema.
func InSchema(t *testing.T, dsn, schema string) string {
	t.Helper()
	address, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the PostgreSQL address is not a URL")
	}
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

func wantKind[K comparable](t *testing.T, what string, got, want K) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
