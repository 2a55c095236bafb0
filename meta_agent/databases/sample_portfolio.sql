-- The sample portfolio's tables. Comments are short because they go into a model's prompt.

CREATE TABLE properties (
    property_id integer PRIMARY KEY,
    property_name varchar(80) NOT NULL UNIQUE,
    property_address varchar(120) NOT NULL,
    city varchar(60) NOT NULL,
    state varchar(2) NOT NULL,
    property_type varchar(20) NOT NULL
        CHECK (property_type IN ('Retail', 'Office', 'Industrial', 'Mixed-Use')),
    year_built integer CHECK (year_built BETWEEN 1800 AND 2100),
    square_feet integer NOT NULL CHECK (square_feet > 0)
);
COMMENT ON TABLE properties IS 'Commercial properties of the portfolio';
COMMENT ON COLUMN properties.state IS 'two-letter code, such as FL';
COMMENT ON COLUMN properties.property_type IS 'Retail, Office, Industrial or Mixed-Use';
COMMENT ON COLUMN properties.year_built IS 'NULL where not known';
COMMENT ON COLUMN properties.square_feet IS 'leasable area';

CREATE TABLE financial_metrics (
    metric_id integer PRIMARY KEY,
    property_id integer NOT NULL UNIQUE REFERENCES properties (property_id),
    noi numeric(14,2) NOT NULL,
    annual_debt_service numeric(14,2) NOT NULL CHECK (annual_debt_service > 0),
    gross_revenue numeric(14,2) NOT NULL CHECK (gross_revenue >= 0),
    operating_expenses numeric(14,2) NOT NULL CHECK (operating_expenses >= 0),
    property_value numeric(14,2) NOT NULL CHECK (property_value > 0),
    occupancy_rate numeric(5,2) NOT NULL CHECK (occupancy_rate BETWEEN 0 AND 100),
    cap_rate numeric(5,2) NOT NULL,
    as_of_date date NOT NULL,
    CHECK (noi = gross_revenue - operating_expenses)
);
COMMENT ON TABLE financial_metrics IS 'One row per property, for the year that ends on as_of_date';
COMMENT ON COLUMN financial_metrics.noi IS 'net operating income, USD per year';
COMMENT ON COLUMN financial_metrics.annual_debt_service IS 'USD per year, all loans of the property';
COMMENT ON COLUMN financial_metrics.gross_revenue IS 'USD per year';
COMMENT ON COLUMN financial_metrics.operating_expenses IS 'USD per year';
COMMENT ON COLUMN financial_metrics.property_value IS 'appraised value, USD';
COMMENT ON COLUMN financial_metrics.occupancy_rate IS 'percent 0-100 of square_feet that is leased';
COMMENT ON COLUMN financial_metrics.cap_rate IS 'percent, noi / property_value';

CREATE TABLE loans (
    loan_id integer PRIMARY KEY,
    property_id integer NOT NULL REFERENCES properties (property_id),
    lender varchar(60) NOT NULL,
    loan_type varchar(20) NOT NULL CHECK (loan_type IN ('Fixed', 'Floating', 'Interest-Only')),
    original_amount numeric(14,2) NOT NULL CHECK (original_amount > 0),
    current_balance numeric(14,2) NOT NULL CHECK (current_balance >= 0),
    interest_rate numeric(5,3) NOT NULL CHECK (interest_rate BETWEEN 0 AND 30),
    monthly_payment numeric(14,2) NOT NULL CHECK (monthly_payment > 0),
    origination_date date NOT NULL,
    maturity_date date NOT NULL,
    CHECK (maturity_date > origination_date)
);
CREATE INDEX loans_property_id ON loans (property_id);
COMMENT ON TABLE loans IS 'Mortgage loans, one or more per property';
COMMENT ON COLUMN loans.loan_type IS 'Fixed, Floating or Interest-Only';
COMMENT ON COLUMN loans.original_amount IS 'USD';
COMMENT ON COLUMN loans.current_balance IS 'USD still owed';
COMMENT ON COLUMN loans.interest_rate IS 'percent per year';
COMMENT ON COLUMN loans.monthly_payment IS 'USD per month';

CREATE TABLE leases (
    lease_id integer PRIMARY KEY,
    property_id integer NOT NULL REFERENCES properties (property_id),
    tenant_name varchar(80) NOT NULL,
    suite varchar(10),
    leased_square_feet integer NOT NULL CHECK (leased_square_feet > 0),
    annual_rent numeric(14,2) NOT NULL CHECK (annual_rent >= 0),
    start_date date NOT NULL,
    end_date date,
    CHECK (end_date > start_date)
);
CREATE INDEX leases_property_id ON leases (property_id);
COMMENT ON TABLE leases IS 'Leases of tenants, ended ones included';
COMMENT ON COLUMN leases.suite IS 'NULL for a whole building';
COMMENT ON COLUMN leases.annual_rent IS 'USD per year';
COMMENT ON COLUMN leases.end_date IS 'NULL for a month-to-month lease';

CREATE TABLE monthly_income (
    income_id integer PRIMARY KEY,
    property_id integer NOT NULL REFERENCES properties (property_id),
    month date NOT NULL CHECK (EXTRACT(DAY FROM month) = 1),
    rental_income numeric(14,2) NOT NULL,
    other_income numeric(14,2),
    operating_expenses numeric(14,2) NOT NULL,
    noi numeric(14,2) NOT NULL,
    UNIQUE (property_id, month),
    CHECK (noi = rental_income + COALESCE(other_income, 0) - operating_expenses)
);
COMMENT ON TABLE monthly_income IS 'Income per property and month, 2024 and 2025; USD per month';
COMMENT ON COLUMN monthly_income.month IS 'first day of the month';
COMMENT ON COLUMN monthly_income.other_income IS 'parking, signs and fees; NULL where there was none';
COMMENT ON COLUMN monthly_income.noi IS 'net operating income of the month';
