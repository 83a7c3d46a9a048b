"""Orders with their customers by SQLAlchemy: a query for each customer (lazy), or one for all.

Usage: lazy_loading.py URL prepare|lazy|joined|selectin
"""
import sys

from sqlalchemy import Column, ForeignKey, Integer, String, create_engine
from sqlalchemy.orm import Session, declarative_base, joinedload, relationship, selectinload

Base = declarative_base()


class Customer(Base):
    __tablename__ = "orm_customers"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Order(Base):
    __tablename__ = "orm_orders"
    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("orm_customers.id"))
    customer = relationship(Customer)


def main():
    url, how = sys.argv[1:]
    engine = create_engine(url, connect_args={"application_name": "shop-" + how})
    if how == "prepare":
        Base.metadata.drop_all(engine)
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all(Customer(id=n, name=f"customer {n}") for n in range(30))
            session.flush()
            session.add_all(Order(id=n, customer_id=n) for n in range(30))
            session.commit()
        return
    with Session(engine) as session:
        orders = session.query(Order).order_by(Order.id)
        if how == "joined":
            orders = orders.options(joinedload(Order.customer))
        if how == "selectin":
            orders = orders.options(selectinload(Order.customer))
        names = [order.customer.name for order in orders]
    assert names == [f"customer {n}" for n in range(30)], names


main()
